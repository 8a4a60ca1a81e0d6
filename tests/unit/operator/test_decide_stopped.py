"""What follows when nothing of a stopped run is alive: its end, its clean-up, its removal."""

from dataclasses import replace
from datetime import timedelta

import pytest

from agentrun_kube.vocabulary import Condition, Phase, Reason
from agentrun_operator.cleanups.policy import CleanupState
from agentrun_operator.facts.pods import PodFacts
from agentrun_operator.facts.runs import awaits_cleanup
from agentrun_operator.runs.plan import DeleteRun, RemoveFinalizer, RequestCleanup
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
from .test_decide_stop import RUNNING, condition


def test_an_interrupted_run_ends_when_its_pod_has_ended() -> None:
    """Failure mode 14."""
    pod = said(STOPPED_POD, "Stopped", checkpoint={"id": "c3", "count": 3})
    plan = decide(view(run(cancel="interrupt", **RUNNING), job=job(), pods=(pod,)))
    assert plan.actions == (RemoveFinalizer(),)
    assert plan.confirm
    assert plan.status is not None
    assert plan.status.phase == Phase.INTERRUPTED
    assert plan.status.checkpoint is not None
    assert plan.status.checkpoint.count == 3
    assert plan.status.cancel is not None
    assert plan.status.cancel.gone_at is not None
    assert plan.status.cancel.forced is None


def test_an_agent_that_had_to_be_killed_is_reported_as_forced() -> None:
    """Failure mode 14."""
    forced = said(STOPPED_POD, "Stopped", forced=True)
    killed = replace(STOPPED_POD, exit_code=137)
    for pod in (forced, killed):
        plan = decide(view(run(cancel="interrupt", **RUNNING), job=job(), pods=(pod,)))
        assert plan.status is not None
        assert plan.status.phase == Phase.INTERRUPTED
        assert plan.status.cancel is not None
        assert plan.status.cancel.forced is True


@pytest.mark.parametrize("result", ["Succeeded", "Failed"])
def test_a_run_that_ended_before_the_signal_keeps_its_result(result: str) -> None:
    """Failure mode 6. The runner's report counts, not the phase of the pod."""
    pod = said(replace(STOPPED_POD, exit_code=0), result)
    plan = decide(view(run(cancel="interrupt", **RUNNING), job=job(), pods=(pod,)))
    assert plan.status is not None
    assert plan.status.phase == result
    assert condition(plan, Condition.CANCEL_TOO_LATE)[0] == "True"


def test_without_a_report_the_phase_of_the_pod_decides() -> None:
    """A foreign image: a command that handles SIGTERM and ends with 0 was still stopped."""
    this = run(cancel="interrupt", **RUNNING)
    plan = decide(view(this, job=job(), pods=(replace(STOPPED_POD, exit_code=0),)))
    assert plan.status is not None
    assert plan.status.phase == Phase.INTERRUPTED
    plan = decide(view(this, job=job(), pods=(SUCCEEDED_POD,)))
    assert plan.status is not None
    assert plan.status.phase == Phase.SUCCEEDED


SECOND = replace(FAILED_POD, name="r-2", uid="pod-2")
EVICTED = replace(STOPPED_POD, name="r-0", uid="pod-0", disruption="EvictionByEvictionAPI")


@pytest.mark.parametrize(
    ("pods", "phase"),
    [
        ((FAILED_POD,), Phase.INTERRUPTED),  # the retry was still to come
        ((EVICTED, FAILED_POD), Phase.INTERRUPTED),  # an eviction uses up none
        ((FAILED_POD, SECOND), Phase.FAILED),  # none was left
        ((replace(FAILED_POD, exit_code=2),), Phase.FAILED),  # none would have followed
    ],
)
def test_a_failed_run_ends_as_interrupted_if_a_retry_was_left_and_else_as_failed(
    pods: tuple[PodFacts, ...], phase: Phase
) -> None:
    """Failure modes 6 and 24. One retry was allowed."""
    this = run(cancel="interrupt", **RUNNING)
    plan = decide(view(this, job=job(finished=True, retries=1), pods=pods))
    assert plan.status is not None
    assert plan.status.phase == phase
    # Until its Job is over, the Job controller may be making the one more pod.
    plan = decide(view(this, job=job(retries=1), pods=pods))
    assert plan.status is not None
    more_may_come = phase == Phase.INTERRUPTED
    assert plan.status.phase == (Phase.CANCELLING if more_may_come else phase)


def test_a_foreign_program_that_ends_with_0_when_it_is_evicted_has_not_completed() -> None:
    for pod in (
        replace(SUCCEEDED_POD, disruption="EvictionByEvictionAPI"),
        replace(SUCCEEDED_POD, deleting=True),
    ):
        plan = decide(view(run(cancel="interrupt", **RUNNING), job=job(), pods=(pod,)))
        assert plan.status is not None
        assert plan.status.phase == Phase.INTERRUPTED


@pytest.mark.parametrize("pods", [(), (STOPPED_POD,), (SUCCEEDED_POD,), (FAILED_POD,)])
def test_an_accepted_rollback_is_carried_out_however_the_run_ended(
    pods: tuple[PodFacts, ...],
) -> None:
    this = run(cancel="rollback", **RUNNING)
    plan = decide(view(this, pods=pods))
    assert plan.actions == (RequestCleanup("agentrun-store"),)
    assert plan.status is not None
    assert plan.status.phase == Phase.CANCELLING
    assert condition(plan, Condition.STOPPED)[0] == "True"
    assert condition(plan, Condition.ROLLED_BACK) == ("False", Reason.CLEANUP_PENDING)


def test_a_rolled_back_run_is_deleted_only_when_the_store_is_clean() -> None:
    """Failure modes 28 and 31."""
    this = run(cancel="rollback", **RUNNING)
    running = decide(view(this, pods=(STOPPED_POD,), cleanup=CleanupState("running")))
    assert DeleteRun() not in running.actions
    failed = decide(
        view(this, pods=(STOPPED_POD,), cleanup=CleanupState("failed", message="no space"))
    )
    assert DeleteRun() not in failed.actions
    assert condition(failed, Condition.ROLLED_BACK) == ("False", Reason.CLEANUP_FAILED)
    done = decide(view(this, pods=(STOPPED_POD,), cleanup=CleanupState("done", 4)))
    assert done.actions == (RemoveFinalizer(), DeleteRun())
    assert "4 checkpoints" in done.events[0].message


def test_a_failed_clean_up_is_reported_by_exactly_one_event() -> None:
    """Failure mode 31."""
    this = run(cancel="rollback", **RUNNING)
    failed = CleanupState("failed", message="no space")
    first = decide(view(this, pods=(STOPPED_POD,), cleanup=failed))
    assert [event.reason for event in first.events] == [Reason.CLEANUP_FAILED]
    again = this.model_copy(update={"status": first.status})
    assert decide(view(again, pods=(STOPPED_POD,), cleanup=failed)).events == ()


def test_a_clean_up_that_gets_no_pod_is_looked_at_again() -> None:
    """Failure mode 31."""
    later = NOW + timedelta(seconds=15)
    waits = CleanupState("running", look_again_at=later)
    this = run(cancel="rollback", **RUNNING)
    assert decide(view(this, pods=(STOPPED_POD,), cleanup=waits)).look_again_at == later


def test_a_rollback_with_a_foreign_finalizer_ends_as_rolled_back() -> None:
    this = run(cancel="rollback", deleting=True, finalizers=("other/x",), phase=Phase.CANCELLING)
    plan = decide(view(this))
    assert plan.status is not None
    assert plan.status.phase == Phase.ROLLED_BACK


def test_a_rollback_in_a_terminating_namespace_ends_without_a_clean_up() -> None:
    """Failure mode 42: no clean-up pod can be made, and the claim goes with the namespace."""
    this = run(cancel="rollback", deleting=True, **RUNNING)
    plan = decide(view(this, pods=(STOPPED_POD,), namespace_terminating=True))
    assert plan.actions == (RemoveFinalizer(),)


def test_a_rollback_cleans_up_although_its_job_vanished_before_the_status_named_it() -> None:
    this = run(cancel="rollback", has_finalizer=True)
    plan = decide(view(this, gone_pods=(RUNNING_POD,)))
    assert plan.actions == (RequestCleanup("agentrun-store"),)
    assert plan.status is not None
    assert plan.status.claim_name == "agentrun-store"
    assert awaits_cleanup(this.model_copy(update={"status": plan.status}))


def test_a_pod_that_the_garbage_collector_failed_ends_the_run_as_given_up() -> None:
    given_up = replace(STOPPED_POD, reason="", exit_code=None, disruption="DeletionByPodGC")
    plan = decide(
        view(run(cancel="interrupt", **RUNNING), job=job(finished=True), pods=(given_up,))
    )
    assert plan.status is not None
    assert plan.status.phase == Phase.INTERRUPTED
    stopped = next(c for c in plan.status.conditions if c.type == Condition.STOPPED)
    assert stopped.reason == Reason.POD_GIVEN_UP


def test_a_pod_that_never_had_a_node_is_reported_as_never_scheduled() -> None:
    unscheduled = replace(PENDING_POD, phase="Failed")
    stopping = run(has_finalizer=True, cancel="interrupt", phase=Phase.CANCELLING, jobName="r")
    plan = decide(view(stopping, pods=(unscheduled,)))
    assert plan.status is not None
    (stopped,) = [c for c in plan.status.conditions if c.type == "Stopped"]
    assert (stopped.status, stopped.reason) == ("True", "PodNeverScheduled")
    assert "never had a node" in stopped.message


def test_a_final_phase_that_no_kubelet_wrote_is_reported_as_given_up() -> None:
    """A node with the taint out-of-service: the pod garbage collector gives no reason."""
    given_up = replace(
        RUNNING_POD, phase="Failed", container_runs=True, disruption="DeletionByTaintManager"
    )
    plan = decide(
        view(run(cancel="interrupt", **RUNNING), job=job(finished=True), pods=(given_up,))
    )
    assert plan.status is not None
    assert plan.status.phase == Phase.INTERRUPTED
    stopped = next(c for c in plan.status.conditions if c.type == Condition.STOPPED)
    assert stopped.reason == Reason.POD_GIVEN_UP
    assert "DeletionByTaintManager" in stopped.message


# Deleted

LIVES = "a pod that the operator has not seen yet may be alive"


def test_a_deleted_run_loses_its_finalizer_when_its_pod_has_ended_without_a_clean_up() -> None:
    plan = decide(view(run(deleting=True, **RUNNING), job=job(), pods=(STOPPED_POD,)))
    assert plan.actions == (RemoveFinalizer(),)
    assert plan.confirm, LIVES


def test_the_thread_of_a_deleted_stateless_run_is_cleaned() -> None:
    this = run(deleting=True, thread=None, **RUNNING)
    plan = decide(view(this, job=job(), pods=(STOPPED_POD,)))
    assert plan.actions == (RequestCleanup("agentrun-store"),)
    done = decide(view(this, job=job(), pods=(STOPPED_POD,), cleanup=CleanupState("done", 2)))
    assert done.actions == (RemoveFinalizer(),)
    assert done.confirm, LIVES


def test_a_deleted_run_that_never_started_loses_its_finalizer_at_once() -> None:
    assert decide(view(run(deleting=True, has_finalizer=True))).actions == (RemoveFinalizer(),)


def test_a_deleted_run_with_a_foreign_finalizer_keeps_its_result() -> None:
    held = run(deleting=True, finalizers=("other/x",), phase=Phase.RUNNING, jobName="r")
    plan = decide(view(held, job=job(), pods=(said(SUCCEEDED_POD, "Succeeded"),)))
    assert plan.status is not None
    assert plan.status.phase == Phase.SUCCEEDED
    assert all(c.type != Condition.CANCEL_TOO_LATE for c in plan.status.conditions), "no cancel"


def test_a_failed_pod_whose_containers_still_read_running_keeps_its_run_cancelling() -> None:
    """A kubelet that has just restarted writes the phase first, and then how containers ended."""
    half = replace(STOPPED_POD, exit_code=None, container_runs=True)
    cancelled = run(cancel="interrupt", **RUNNING)
    plan = decide(view(cancelled, job=job(), pods=(half,)))
    assert plan.status is not None
    assert plan.status.phase == Phase.CANCELLING
    whole = decide(view(cancelled, job=job(), pods=(said(STOPPED_POD, "Stopped"),)))
    assert whole.status is not None
    assert whole.status.phase == Phase.INTERRUPTED
