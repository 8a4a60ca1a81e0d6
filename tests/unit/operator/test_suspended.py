"""A Job that is suspended: what its run says, and when it ends."""

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from agentrun_kube.vocabulary import Phase
from agentrun_operator.facts.jobs import JobFacts, can_make_pods, job_facts
from agentrun_operator.facts.pods import PodFacts
from agentrun_operator.runs.plan import DeleteJob, DeletePod, Plan, StopPod
from agentrun_operator.runs.policy.decide import decide

from .states import (
    CREATED,
    FAILED_POD,
    NOW,
    PENDING_POD,
    RUNNING_POD,
    STOPPED_POD,
    SUCCEEDED_POD,
    job,
    run,
    said,
    view,
)

SUSPENDED = job(suspended=True)
LIVE: dict[str, Any] = {"has_finalizer": True, "phase": Phase.RUNNING, "jobName": "r"}
STARTED: dict[str, Any] = {"startedAt": CREATED, "lastStartedAt": CREATED, "attempts": 1}
DELETE_JOB = DeleteJob("r", "job-uid")
# The Job controller takes its finalizer off and deletes the pod.
LEAVING = replace(RUNNING_POD, deleting=True, tracked=False, deletion_grace=30)
LEFT = replace(STOPPED_POD, reason="", deadline=None, deleting=True, tracked=False)


def told(plan: Plan) -> tuple[str, str, str]:
    """Phase, reason and message."""
    assert plan.status is not None
    (started,) = [c for c in plan.status.conditions if c.type == "Started"]
    return plan.status.phase, started.reason, started.message


def test_a_run_whose_agent_never_started_is_queued() -> None:
    plan = decide(view(run(**LIVE), job=SUSPENDED))
    phase, reason, message = told(plan)
    assert (phase, reason, plan.actions) == ("Pending", "Queued", ())
    assert "spec.suspend: true" in message
    pending = decide(view(run(**LIVE), job=SUSPENDED, pods=(replace(PENDING_POD, deleting=True),)))
    assert told(pending)[:2] == ("Pending", "Queued")
    assert "Pod r-abc has not ended yet" in told(pending)[2]


@pytest.mark.parametrize("pods", [(), (LEFT,)])
def test_a_run_whose_agent_ran_is_preempted(pods: tuple[PodFacts, ...]) -> None:
    """Whether or not the object of its pod, which ended with a fatal exit code, is gone."""
    plan = decide(view(run(**LIVE, **STARTED), job=SUSPENDED, pods=pods))
    assert told(plan)[:2] == ("Pending", "Preempted")
    assert plan.actions == ()
    assert plan.status is not None
    assert (plan.status.attempts, plan.status.started_at) == (1, CREATED)
    again = decide(
        view(run(**plan.status.model_dump(by_alias=True), has_finalizer=True), job=SUSPENDED)
    )
    assert again.events == (), "its event is sent once"


def test_a_pod_that_a_suspension_stops_is_reported_as_alive_and_preempted() -> None:
    plan = decide(view(run(**LIVE, **STARTED), job=SUSPENDED, pods=(LEAVING,)))
    phase, reason, message = told(plan)
    assert (phase, reason) == ("Running", "Preempted")
    assert "pod r-abc on node n1 is being stopped and has up to 30 s" in message
    deleted = decide(view(run(**LIVE, **STARTED), job=job(deleting=True), pods=(LEAVING,)))
    assert told(deleted)[1] == "AgentStarted", "a Job that is deleted was not suspended"
    resumed = decide(view(run(**LIVE, **STARTED), job=job(), pods=(LEAVING,)))
    assert told(resumed) == (phase, reason, message), "also when the Job was resumed meanwhile"


def test_a_resumed_job_without_a_pod_is_reported_after_15_seconds() -> None:
    resumed = job(started_at=NOW)
    assert decide(view(run(**LIVE, **STARTED), job=resumed)).status is None
    later = decide(view(run(**LIVE, **STARTED), job=resumed, now=NOW + timedelta(seconds=15)))
    assert told(later)[1] == "PodRejected"
    left = decide(view(run(**LIVE, **STARTED), job=resumed, pods=(LEFT,)))
    assert told(left)[1] == "Retrying"
    assert "was stopped because its Job was suspended" in told(left)[2]


@pytest.mark.parametrize("stop", [{"cancel": "interrupt"}, {"cancel": "rollback"}, {"deleting": 1}])
@pytest.mark.parametrize("pods", [(), (LEFT,), (LEAVING,)])
def test_a_stop_deletes_a_suspended_job_at_once(stop: Any, pods: tuple[PodFacts, ...]) -> None:
    """Otherwise it would create a pod when it is resumed, whatever its backoffLimit is."""
    plan = decide(view(run(**LIVE, **STARTED, **stop), job=SUSPENDED, pods=pods))
    assert plan.actions == (DELETE_JOB,)
    assert plan.status is not None
    assert plan.status.phase == "Cancelling"


def test_a_stop_also_stops_the_pod_of_a_suspended_job() -> None:
    live = run(**LIVE, **STARTED, cancel="interrupt")
    plan = decide(view(live, job=SUSPENDED, pods=(RUNNING_POD,)))
    assert plan.actions == (DELETE_JOB, StopPod("r-abc", "pod-uid"))
    plan = decide(view(live, job=SUSPENDED, pods=(PENDING_POD,)))
    assert plan.actions == (DELETE_JOB, DeletePod("r-abc", "pod-uid", 2))


def test_a_cancelled_run_ends_only_when_the_suspended_pod_has_ended() -> None:
    live = run(**{**LIVE, "phase": Phase.CANCELLING}, **STARTED, cancel="interrupt")
    assert decide(view(live, pods=(LEAVING,))).status is not None
    assert told_phase(decide(view(live, pods=(LEAVING,)))) == "Cancelling"
    assert told_phase(decide(view(live, pods=(LEFT,)))) == "Interrupted"
    assert told_phase(decide(view(live, gone_pods=(LEFT,)))) == "Interrupted"


def told_phase(plan: Plan) -> str:
    assert plan.status is not None
    return plan.status.phase


def test_a_failure_during_a_suspension_does_not_count() -> None:
    """The Job controller never counted it: a run that is cancelled then ends as interrupted."""
    failed = said(replace(LEFT, exit_code=1), "Failed", reason="AgentFailed")
    live = run(**LIVE, **STARTED)
    assert told(decide(view(live, job=SUSPENDED, pods=(failed,))))[1] == "Preempted"
    assert told(decide(view(live, job=job(), pods=(failed,))))[1] == "Retrying"
    cancelled = run(**LIVE, **STARTED, cancel="interrupt")
    assert told_phase(decide(view(cancelled, gone_pods=(failed,)))) == "Interrupted"


def test_a_failure_counts_when_the_job_says_so_although_it_is_suspended() -> None:
    failed = said(FAILED_POD, "Failed", reason="AgentFailed", message="no")
    live = run(**LIVE, **STARTED)
    assert told(decide(view(live, job=SUSPENDED, pods=(failed,))))[1] == "Preempted"
    ended = decide(view(live, job=job(suspended=True, finished=True), pods=(failed,)))
    assert told_phase(ended) == "Failed"


def test_an_agent_that_completed_as_its_job_was_suspended_has_succeeded() -> None:
    """The Job controller did not count it and would start the agent once more: the operator first
    writes the result, then deletes the Job, then ends the run, whatever it finds by then."""
    done = said(SUCCEEDED_POD, "Succeeded", output={"x": 1}, interrupts=[{"id": "i"}])
    plan = decide(view(run(**LIVE, **STARTED), job=SUSPENDED, pods=(done,)))
    assert (plan.actions, plan.confirm, told_phase(plan)) == ((), True, "Cancelling")
    assert plan.status is not None
    assert plan.status.output == {"x": 1}
    written = run(has_finalizer=True, **plan.status.model_dump(by_alias=True))
    plan = decide(view(written, job=SUSPENDED))
    assert plan.actions == (DELETE_JOB,)
    assert plan.status is not None
    plan = decide(view(written))
    assert told_phase(plan) == "Succeeded"
    assert plan.status is not None
    assert plan.status.output == {"x": 1}
    assert {c.type for c in plan.status.conditions if c.status == "True"} >= {
        "Finished",
        "WaitingForInput",
    }
    cancelled = written.model_copy(
        update={"spec": written.spec.model_copy(update={"cancel": "interrupt"})}
    )
    plan = decide(view(cancelled))
    assert told_phase(plan) == "Succeeded"
    assert plan.status is not None
    assert "CancelTooLate" in {c.type for c in plan.status.conditions}


def test_a_time_out_during_a_suspension_ends_the_run() -> None:
    late = replace(LEFT, reason="DeadlineExceeded", deadline=9)
    plan = decide(view(run(**LIVE, **STARTED), job=SUSPENDED, pods=(late,)))
    assert plan.actions == (DELETE_JOB,)
    stopping = run(**{**LIVE, "phase": Phase.CANCELLING}, **STARTED)
    assert told_phase(decide(view(stopping))) == "TimedOut"


@pytest.mark.parametrize(
    ("found", "pods", "possible"),
    [
        (SUSPENDED, (), True),
        (SUSPENDED, (STOPPED_POD,), True),
        (SUSPENDED, (SUCCEEDED_POD,), True),
        (job(), (LEFT,), True),
        (job(), (replace(SUCCEEDED_POD, deleting=True, tracked=False),), True),
        (job(), (STOPPED_POD,), False),
        (job(), (replace(STOPPED_POD, tracked=False),), False),
        (job(deleting=True), (LEFT,), False),
        (job(suspended=True, finished=True), (), False),
    ],
)
def test_a_job_can_make_pods_until_its_controller_has_counted_an_end(
    found: JobFacts, pods: tuple[PodFacts, ...], possible: bool
) -> None:
    assert can_make_pods(found, pods) == possible


@pytest.mark.parametrize(
    ("suspend", "condition", "suspended"),
    [(True, None, True), (False, "True", True), (False, "False", False), (None, None, False)],
)
def test_a_job_counts_as_suspended_until_its_controller_has_resumed_it(
    suspend: bool | None, condition: str | None, suspended: bool
) -> None:
    conditions = [{"type": "Suspended", "status": condition}] if condition else []
    found = {
        "metadata": {"name": "r", "uid": "u", "creationTimestamp": "2026-01-01T00:00:00Z"},
        # As Kueue restores it: the template is another, and there is no start time.
        "spec": {"suspend": suspend, "template": {"spec": {"nodeSelector": {"a": "b"}}}},
        "status": {"conditions": conditions},
    }
    assert job_facts(found).suspended == suspended
