"""A run without a cancel: its status says what its Job and pods show, and no more."""

from dataclasses import replace
from datetime import timedelta

import pytest

from agentrun_kube.vocabulary import Condition, Phase, Reason
from agentrun_operator.facts.pods import PodFacts
from agentrun_operator.runs.plan import (
    AddFinalizer,
    CreateJob,
    DeleteJob,
    ForbidRetries,
    Plan,
    RemoveFinalizer,
    StopPod,
)
from agentrun_operator.runs.policy.decide import decide

from .states import (
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

LIVE = run(has_finalizer=True, phase=Phase.RUNNING, jobName="r")


def condition(plan: Plan, kind: Condition) -> tuple[str, str, str]:
    assert plan.status is not None
    found = next(c for c in plan.status.conditions if c.type == kind)
    return found.status, found.reason, found.message


def test_the_phase_is_running_only_when_the_agents_container_runs() -> None:
    starting = replace(PENDING_POD, node="n1", has_started=True)  # an init container
    assert decide(view(run(has_finalizer=True), job=job(), pods=(starting,))) == Plan()
    plan = decide(view(run(has_finalizer=True), job=job(), pods=(RUNNING_POD,)))
    assert plan.status is not None
    assert plan.status.phase == Phase.RUNNING
    assert plan.status.started_at == RUNNING_POD.agent_started_at
    assert plan.status.pod_name == RUNNING_POD.name
    assert [event.reason for event in plan.events] == [Reason.AGENT_STARTED]


def test_a_running_run_that_is_unchanged_writes_nothing() -> None:
    """Failure mode 49."""
    first = decide(view(run(has_finalizer=True), job=job(), pods=(RUNNING_POD,)))
    assert first.status is not None
    again = run(has_finalizer=True).model_copy(update={"status": first.status})
    later = view(again, job=job(), pods=(RUNNING_POD,), now=NOW + timedelta(hours=1))
    assert decide(later).status == first.status
    assert decide(later).events == ()


def test_a_live_run_whose_finalizer_was_removed_gets_it_back() -> None:
    """Failure mode 58: a PUT of the whole object drops it."""
    stripped = run(phase=Phase.RUNNING, jobName="r")
    assert decide(view(stripped, job=job(), pods=(RUNNING_POD,))).actions == (AddFinalizer(),)


@pytest.mark.parametrize(
    ("pod", "reason", "named"),
    [
        (
            {
                "scheduling_message": '0/1 nodes are available: persistentvolumeclaim "s" not '
                "found. not found"
            },
            Reason.CLAIM_NOT_FOUND,
            "spec.store.claimName",
        ),
        ({"scheduling_message": "0/1: Insufficient cpu."}, Reason.UNSCHEDULABLE, "Insufficient"),
        (
            {"waiting_reason": "ImagePullBackOff", "waiting_message": "no such image"},
            Reason.IMAGE_PULL_FAILED,
            "spec.image",
        ),
        (
            {"waiting_reason": "CreateContainerConfigError", "waiting_message": "secret x"},
            Reason.CONTAINER_REJECTED,
            "spec.env",
        ),
    ],
)
def test_a_pod_that_cannot_start_waits_with_a_reason_that_names_the_field(
    pod: dict[str, str], reason: Reason, named: str
) -> None:
    stuck = replace(PENDING_POD, **pod)  # type: ignore[arg-type]
    plan = decide(view(run(has_finalizer=True), job=job(), pods=(stuck,)))
    status, found, message = condition(plan, Condition.STARTED)
    assert (status, found) == ("False", reason)
    assert named in message
    assert plan.actions == ()


def test_a_job_whose_pods_are_refused_is_reported_after_15_seconds() -> None:
    """A Pod Security standard or a quota: the API server accepts the Job and refuses its pods."""
    fresh = decide(view(run(has_finalizer=True), job=job()))
    assert fresh == Plan(look_again_at=NOW + timedelta(seconds=15))
    later = decide(view(run(has_finalizer=True), job=job(), now=NOW + timedelta(seconds=15)))
    assert condition(later, Condition.STARTED)[1] == Reason.POD_REJECTED


def test_a_pod_whose_containers_are_not_created_is_reported_after_15_seconds() -> None:
    """A ConfigMap that does not exist shows only in the pod's Events."""
    pod = replace(PENDING_POD, node="n1", waiting_reason="ContainerCreating")
    fresh = decide(view(run(has_finalizer=True), job=job(), pods=(pod,)))
    assert fresh == Plan(look_again_at=NOW + timedelta(seconds=15))
    late = view(run(has_finalizer=True), job=job(), pods=(pod,), now=NOW + timedelta(seconds=15))
    status, reason, message = condition(decide(late), Condition.STARTED)
    assert (status, reason) == ("False", Reason.POD_PREPARING)
    assert "spec.code.configMap.name" in message


ACCOUNT = {"output": {"a": 1}, "checkpoint": {"id": "c9", "count": 4}}


def test_a_pod_that_no_scheduler_handles_is_reported_after_15_seconds() -> None:
    """The message names the field that chooses the scheduler, which does not run."""
    pod = replace(PENDING_POD, scheduler="queue-scheduler")
    early = decide(view(LIVE, job=job(), pods=(pod,)))
    assert (early.status, early.look_again_at) == (None, NOW + timedelta(seconds=15))
    plan = decide(view(LIVE, job=job(), pods=(pod,), now=NOW + timedelta(seconds=15)))
    assert plan.status is not None
    (started,) = [c for c in plan.status.conditions if c.type == "Started"]
    assert started.reason == "SchedulerSilent"
    assert "queue-scheduler" in started.message
    assert "spec.podTemplate.spec.schedulerName" in started.message


def test_success_is_reported_with_output_and_checkpoint() -> None:
    pod = said(SUCCEEDED_POD, "Succeeded", **ACCOUNT)
    plan = decide(view(LIVE, job=job(), pods=(pod,)))
    assert plan.status is not None
    assert plan.status.phase == Phase.SUCCEEDED
    assert plan.status.output == {"a": 1}
    assert plan.status.checkpoint is not None
    assert (plan.status.checkpoint.id, plan.status.checkpoint.count) == ("c9", 4)
    assert condition(plan, Condition.FINISHED)[:2] == ("True", Reason.SUCCEEDED)
    assert plan.confirm


def test_the_finalizer_is_removed_before_the_final_phase_is_written() -> None:
    """Failure modes 15 and 37.

    A crash between the two must leave a run that is still watched, not a stuck finalizer.
    """
    plan = decide(view(LIVE, job=job(), pods=(SUCCEEDED_POD,)))
    assert plan.actions == (RemoveFinalizer(),)
    after_crash = run(phase=Phase.RUNNING, jobName="r")
    plan = decide(view(after_crash, job=job(), pods=(SUCCEEDED_POD,)))
    assert plan.actions == ()
    assert plan.status is not None
    assert plan.status.phase == Phase.SUCCEEDED


def test_a_run_whose_status_does_not_name_its_job_is_not_ended_in_one_step() -> None:
    """Failure mode 37. Otherwise a crash and a Job deleted by hand would make it run twice."""
    plan = decide(view(run(has_finalizer=True), job=job(), pods=(SUCCEEDED_POD,)))
    assert plan.actions == ()
    assert plan.status is not None
    assert (plan.status.phase, plan.status.job_name) == (Phase.RUNNING, "r")


@pytest.mark.parametrize(
    ("pod", "reason", "named"),
    [
        (
            said(FAILED_POD, "Failed", reason="GraphImportFailed", message="no module m"),
            "GraphImportFailed",
            "no module m",
        ),
        (FAILED_POD, Reason.AGENT_FAILED, "exit code 1"),
        (
            replace(FAILED_POD, exit_code=137, exit_reason="OOMKilled"),
            Reason.OUT_OF_MEMORY,
            "limits.memory",
        ),
        (STOPPED_POD, Reason.STOPPED_FROM_OUTSIDE, "spec.cancel is not set"),
    ],
)
def test_a_failed_run_reports_the_observed_reason(pod: PodFacts, reason: str, named: str) -> None:
    plan = decide(view(LIVE, job=job(), pods=(pod,)))
    assert plan.status is not None
    assert plan.status.phase == Phase.FAILED
    status, found, message = condition(plan, Condition.FINISHED)
    assert (status, found) == ("True", reason)
    assert named in message


def test_a_job_deleted_by_hand_ends_the_run_and_is_never_made_again() -> None:
    """Failure modes 16 and 20."""
    plan = decide(view(LIVE))
    assert CreateJob() not in plan.actions
    assert plan.status is not None
    assert plan.status.phase == Phase.FAILED
    assert condition(plan, Condition.FINISHED)[1] == Reason.JOB_LOST
    assert plan.confirm  # failure mode 16: never on a stale "not found"


def test_a_job_deleted_by_hand_is_reported_as_lost_whether_or_not_its_pod_is_seen() -> None:
    """Failure mode 20."""
    for pods in ((), (STOPPED_POD,)):
        plan = decide(view(LIVE, pods=pods))
        assert condition(plan, Condition.FINISHED)[1] == Reason.JOB_LOST


def test_a_job_deleted_by_hand_does_not_end_the_run_while_its_pod_lives() -> None:
    """Failure mode 22."""
    plan = decide(view(LIVE, pods=(RUNNING_POD,)))
    assert plan.status is not None
    assert plan.status.phase == Phase.RUNNING


def test_a_run_whose_job_is_gone_keeps_the_jobs_name() -> None:
    """Failure mode 37. Without it, a run that has started would look like one that never did."""
    for pods in ((), (RUNNING_POD,)):
        plan = decide(view(LIVE, pods=pods))
        assert plan.status is not None
        assert plan.status.job_name == "r"


def test_an_evicted_pod_is_no_failure_and_the_run_continues_in_the_next_pod() -> None:
    evicted = replace(STOPPED_POD, reason="Evicted", disruption="EvictionByEvictionAPI")
    plan = decide(view(LIVE, job=job(), pods=(evicted,)))
    assert plan.actions == ()
    assert plan.status is not None
    assert plan.status.phase == Phase.PENDING
    assert condition(plan, Condition.STARTED)[1] == Reason.RETRYING
    assert plan.confirm, "the next one may have succeeded already, and that is not watched"
    replaced = replace(RUNNING_POD, name="r-def", uid="pod-2")
    plan = decide(view(LIVE, job=job(), pods=(evicted, replaced)))
    assert plan.status is not None
    assert (plan.status.phase, plan.status.pod_name) == (Phase.RUNNING, "r-def")


@pytest.mark.parametrize("phase", [Phase.SUCCEEDED, Phase.FAILED, Phase.INTERRUPTED])
@pytest.mark.parametrize("cancel", [None, "interrupt", "rollback"])
def test_a_finished_run_stays_as_it_is_whatever_is_found(phase: Phase, cancel: str | None) -> None:
    """Failure modes 7, 12 and 56."""
    done = run(phase=phase, cancel=cancel, jobName="r")
    assert decide(view(done, job=job(), pods=(SUCCEEDED_POD,))) == Plan()
    for pods in ((), (RUNNING_POD,)):
        plan = decide(view(done, job=job(), pods=pods))
        assert (plan.status, plan.events) == (None, ())


def test_a_job_or_pod_that_appears_after_the_end_is_stopped() -> None:
    """Failure mode 12: a paused operator's request may take effect long after the end."""
    done = run(phase=Phase.INTERRUPTED, cancel="interrupt", jobName="r")
    this = job(backoff_limit=2)
    plan = decide(view(done, job=this, pods=(RUNNING_POD,)))
    assert plan.actions == (ForbidRetries("r", this.uid), StopPod("r-abc", RUNNING_POD.uid))
    plan = decide(view(done, job=this))
    assert plan.actions == (DeleteJob("r", this.uid),)
    assert plan.confirm, "its pod may have succeeded, and that is not watched"
