"""Stopping: requested at once, enforced by the kubelet, final only when no process is alive."""

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from agentrun_kube.vocabulary import Condition, Phase, Reason
from agentrun_operator.cleanups.policy import CleanupState
from agentrun_operator.facts.pods import PodFacts
from agentrun_operator.runs.plan import (
    AddFinalizer,
    CreateJob,
    DeleteJob,
    DeletePod,
    DeleteRun,
    ForbidRetries,
    Plan,
    RemoveFinalizer,
    RequestCleanup,
    StopPod,
)
from agentrun_operator.runs.policy.decide import decide

from .states import NOW, PENDING_POD, RUNNING_POD, SIGNALLED_POD, STOPPED_POD, UID, job, run, view

STOP = StopPod("r-abc", "pod-uid")
DELETE_JOB = DeleteJob("r", "job-uid")
RUNNING: dict[str, Any] = {
    "has_finalizer": True,
    "phase": Phase.RUNNING,
    "jobName": "r",
    "claimName": "agentrun-store",
    "startedAt": "2026-01-02T03:00:00Z",
}


def condition(plan: Plan, kind: Condition) -> tuple[str, str]:
    assert plan.status is not None
    found = next(c for c in plan.status.conditions if c.type == kind)
    return found.status, found.reason


# Created with a cancel, and pending


def test_a_run_created_with_interrupt_ends_at_once_without_a_job() -> None:
    """Failure modes 1 and 3."""
    plan = decide(view(run(cancel="interrupt")))
    assert plan.actions == ()
    assert plan.status is not None
    assert plan.status.phase == Phase.INTERRUPTED


def test_a_run_created_with_rollback_is_deleted_without_a_clean_up() -> None:
    """Failure mode 64."""
    assert decide(view(run(cancel="rollback"))).actions == (DeleteRun(),)


@pytest.mark.parametrize("cancel", ["interrupt", "rollback"])
def test_a_cancelled_run_with_the_finalizer_but_without_a_job_never_gets_one(
    cancel: str,
) -> None:
    """Failure mode 1."""
    plan = decide(view(run(cancel=cancel, has_finalizer=True)))
    assert CreateJob() not in plan.actions
    assert plan.confirm


@pytest.mark.parametrize("cancel", ["interrupt", "rollback"])
@pytest.mark.parametrize("pods", [(), (PENDING_POD,), (replace(PENDING_POD, node="n1"),)])
def test_a_cancel_before_a_container_runs_deletes_the_job(
    cancel: str, pods: tuple[PodFacts, ...]
) -> None:
    """Failure mode 4."""
    plan = decide(view(run(cancel=cancel, has_finalizer=True), job=job(), pods=pods))
    assert plan.actions == (DELETE_JOB, *(DeletePod(pod.name, pod.uid, 2) for pod in pods))
    assert plan.confirm, "its pod may have succeeded, and that is not watched"
    assert plan.status is not None
    assert plan.status.phase == Phase.CANCELLING


def test_a_pod_that_is_deleted_before_it_starts_does_not_get_its_whole_grace_period() -> None:
    """Failure mode 4.

    Its container may start just now: as PID 1 it ignores SIGTERM until it has a handler.
    """
    pod = replace(PENDING_POD, deleting=True, deletion_grace=30)
    gone = job(deleting=True)
    plan = decide(view(run(cancel="interrupt", has_finalizer=True), job=gone, pods=(pod,)))
    assert plan.actions == (DeletePod("r-abc", "pod-uid", 2),)
    shortened = replace(pod, deletion_grace=2)
    plan = decide(view(run(cancel="interrupt", has_finalizer=True), job=gone, pods=(shortened,)))
    assert plan.actions == ()


def test_a_job_that_is_being_deleted_is_not_deleted_again() -> None:
    plan = decide(view(run(cancel="interrupt", has_finalizer=True), job=job(deleting=True)))
    assert plan.actions == ()


def test_a_pending_pod_whose_job_is_gone_is_deleted_itself() -> None:
    """Failure mode 22: a Job deleted with --cascade=orphan."""
    plan = decide(view(run(cancel="interrupt", has_finalizer=True), pods=(PENDING_POD,)))
    assert plan.actions == (DeletePod("r-abc", "pod-uid", 2),)


BEFORE_ITS_JOB: dict[str, Any] = {
    "has_finalizer": True,
    "jobName": "r",
    "claimName": "agentrun-store",
}


def test_a_rollback_cleans_up_although_no_pod_is_known_to_have_started() -> None:
    """Another pod, such as an evicted one, may have written without being seen by the operator."""
    this = run(cancel="rollback", **BEFORE_ITS_JOB)
    for gone_pods in ((), (PENDING_POD,)):
        plan = decide(view(this, gone_pods=gone_pods))
        assert plan.actions == (RequestCleanup("agentrun-store"),)


def test_a_rollback_waits_for_a_missing_claim_only_if_the_run_has_started() -> None:
    """The clean-up pod cannot start either: without the claim there is no store to clean."""
    missing = CleanupState("running", claim_missing=True)
    plan = decide(view(run(cancel="rollback", **BEFORE_ITS_JOB), cleanup=missing))
    assert plan.actions == (RemoveFinalizer(), DeleteRun())
    started = run(cancel="rollback", **RUNNING)
    plan = decide(view(started, pods=(STOPPED_POD,), cleanup=missing))
    assert DeleteRun() not in plan.actions, "its checkpoints are somewhere"


def test_a_rollback_of_a_run_with_the_finalizer_cleans_up_without_a_known_job() -> None:
    plan = decide(view(run(cancel="rollback", has_finalizer=True)))
    assert plan.actions == (RequestCleanup("agentrun-store"),)


def test_a_rollback_without_its_finalizer_adds_it_again_before_the_clean_up() -> None:
    this = run(cancel="rollback", **(RUNNING | {"has_finalizer": False}))
    assert decide(view(this, pods=(STOPPED_POD,))).actions == (AddFinalizer(),)


def test_two_runs_that_wait_for_their_clean_up_do_not_wait_for_each_other() -> None:
    time = "2026-01-02T03:04:05Z"
    conditions = [
        {"type": t, "status": s, "reason": "X", "message": "", "lastTransitionTime": time}
        for t, s in (("Stopped", "True"), ("RolledBack", "False"))
    ]
    rival = run("other", uid="o", cancel="rollback", conditions=conditions, **BEFORE_ITS_JOB)
    plan = decide(view(run(cancel="rollback", **RUNNING), pods=(STOPPED_POD,), rivals=(rival,)))
    assert plan.actions == (RequestCleanup("agentrun-store"),)


# Running


@pytest.mark.parametrize("cancel", ["interrupt", "rollback"])
def test_a_running_pod_is_stopped_by_its_deadline_after_retries_are_forbidden(cancel: str) -> None:
    """Failure modes 21 and 24."""
    this = run(cancel=cancel, **RUNNING)
    plan = decide(view(this, job=job(backoff_limit=3), pods=(RUNNING_POD,)))
    assert plan.actions == (ForbidRetries("r", "job-uid"), STOP)
    assert plan.status is not None
    assert plan.status.phase == Phase.CANCELLING
    assert plan.status.cancel is not None
    assert plan.status.cancel.by == "kubectl-patch"
    assert plan.status.cancel.signalled_at is not None
    assert plan.status.cancel.gone_at is None


@pytest.mark.parametrize("cancel", ["interrupt", "rollback"])
def test_a_stop_that_is_under_way_is_not_repeated(cancel: str) -> None:
    """Failure mode 8: nothing is written and nothing is said twice."""
    this = run(cancel=cancel, **RUNNING)
    first = decide(view(this, job=job(), pods=(RUNNING_POD,)))
    again = this.model_copy(update={"status": first.status})
    later = NOW + timedelta(seconds=20)  # and its grace period is not over
    plan = decide(view(again, job=job(), pods=(SIGNALLED_POD,), now=later))
    assert plan.actions == ()
    assert plan.status == first.status
    assert plan.events == ()


def test_an_init_container_that_runs_counts_as_running() -> None:
    starting = replace(PENDING_POD, node="n1", has_started=True)
    this = run(cancel="interrupt", has_finalizer=True)
    assert decide(view(this, job=job(), pods=(starting,))).actions == (STOP,)


@pytest.mark.parametrize("pod", [SIGNALLED_POD, replace(RUNNING_POD, deleting=True)])
@pytest.mark.parametrize("found", [job(), job(finished=True), None])
def test_a_run_gets_no_final_phase_while_a_pod_is_alive(pod: PodFacts, found: Any) -> None:
    """Failure modes 13 and 61."""
    for cancel in ("interrupt", "rollback"):
        plan = decide(view(run(cancel=cancel, **RUNNING), job=found, pods=(pod,)))
        assert plan.status is not None
        assert plan.status.phase == Phase.CANCELLING
        assert RemoveFinalizer() not in plan.actions
        assert condition(plan, Condition.STOPPED) == ("False", Reason.WAITING_FOR_POD)


def test_a_replacement_that_appears_during_a_cancel_is_stopped_too() -> None:
    """Failure mode 12."""
    evicted = replace(STOPPED_POD, disruption="EvictionByEvictionAPI")
    late = replace(RUNNING_POD, name="r-def", uid="pod-2")
    plan = decide(view(run(cancel="interrupt", **RUNNING), job=job(), pods=(evicted, late)))
    assert plan.actions == (StopPod("r-def", "pod-2"),)


def test_a_cancel_deletes_the_job_of_an_evicted_pod() -> None:
    """Failure mode 24: an eviction does not count against backoffLimit."""
    evicted = replace(STOPPED_POD, disruption="EvictionByEvictionAPI")
    plan = decide(view(run(cancel="interrupt", **RUNNING), job=job(), pods=(evicted,)))
    assert plan.actions == (DELETE_JOB,)
    assert plan.status is not None
    assert plan.status.phase == Phase.CANCELLING


def test_a_foreign_job_is_never_touched() -> None:
    """Failure mode 23."""
    foreign = job(owner="another-owner", backoff_limit=6)
    plan = decide(view(run(cancel="interrupt", **RUNNING), job=foreign, pods=(RUNNING_POD,)))
    assert plan.actions == (STOP,)


def test_interrupt_may_become_rollback_while_the_pod_stops() -> None:
    """Failure modes 9 and 62."""
    interrupted = run(cancel="interrupt", **RUNNING)
    first = decide(view(interrupted, job=job(), pods=(RUNNING_POD,)))
    raised = run(cancel="rollback", **RUNNING).model_copy(update={"status": first.status})
    plan = decide(view(raised, job=job(), pods=(SIGNALLED_POD,)))
    assert plan.status is not None
    assert plan.status.cancel is not None
    assert plan.status.cancel.action == "rollback"
    assert [event.reason for event in plan.events] == [Reason.CANCELLING]


def test_a_deleted_live_run_is_stopped_first() -> None:
    """Failure modes 41 and 66."""
    plan = decide(view(run(deleting=True, **RUNNING), job=job(), pods=(RUNNING_POD,)))
    assert plan.actions == (STOP,)
    assert plan.status is not None
    assert plan.status.phase == Phase.CANCELLING
    assert plan.status.cancel is None


def test_a_deleted_run_with_a_foreign_finalizer_never_starts() -> None:
    plan = decide(view(run(deleting=True, finalizers=("other/x",))))
    assert plan.actions == ()
    assert plan.status is not None
    assert plan.status.phase == Phase.INTERRUPTED


def test_the_job_of_an_earlier_run_of_the_same_name_is_left_alone() -> None:
    """Failure mode 27: a run of the same name was deleted a moment ago, its Job is still there."""
    leftover = job(owner="uid-of-the-run-before")
    plan = decide(view(run(uid=UID, has_finalizer=True), job=leftover))
    assert plan.actions == ()
