"""Time-outs, retries and what is left to do for a finished run."""

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from agentrun_kube.vocabulary import Condition, Phase, Reason
from agentrun_operator.cleanups.policy import CleanupState
from agentrun_operator.facts.pods import PodFacts
from agentrun_operator.runs.plan import (
    DeleteRun,
    ForbidRetries,
    Plan,
    RemoveFinalizer,
    RequestCleanup,
    StopPod,
)
from agentrun_operator.runs.policy.decide import decide

from .states import FAILED_POD, NOW, RUNNING_POD, STOPPED_POD, SUCCEEDED_POD, job, run, said, view

LIVE: dict[str, Any] = {
    "has_finalizer": True,
    "phase": Phase.RUNNING,
    "jobName": "r",
    "claimName": "agentrun-store",
    "startedAt": "2026-01-02T03:00:00Z",
}
TIMED_OUT_POD = replace(STOPPED_POD, deadline=60)


def reason_of(plan: Plan) -> str:
    assert plan.status is not None
    return next(c for c in plan.status.conditions if c.type == Condition.FINISHED).reason


@pytest.mark.parametrize("pod", [TIMED_OUT_POD, said(TIMED_OUT_POD, "Stopped")])
def test_a_pod_stopped_by_its_own_deadline_is_timed_out(pod: PodFacts) -> None:
    plan = decide(view(run(**LIVE), job=job(), pods=(pod,)))
    assert plan.status is not None
    assert plan.status.phase == Phase.TIMED_OUT
    assert plan.actions == (RemoveFinalizer(),)


def test_an_agent_that_completed_as_its_time_ran_out_has_succeeded() -> None:
    plan = decide(view(run(**LIVE), job=job(), pods=(said(TIMED_OUT_POD, "Succeeded"),)))
    assert plan.status is not None
    assert plan.status.phase == Phase.SUCCEEDED


def test_a_time_out_is_not_retried() -> None:
    """A foreign image may end with any exit code, so that the Job would start it again."""
    pod = replace(TIMED_OUT_POD, exit_code=7)
    plan = decide(view(run(**LIVE), job=job(backoff_limit=3), pods=(pod,)))
    assert plan.actions == (ForbidRetries("r", "job-uid"),)
    second = replace(RUNNING_POD, name="r-2", uid="pod-2")
    plan = decide(view(run(**LIVE), job=job(), pods=(pod, second)))
    assert plan.actions == (StopPod("r-2", "pod-2"),)


def test_the_jobs_own_deadline_is_a_time_out_too() -> None:
    found = job(finished=True, deadline_exceeded=True)
    plan = decide(view(run(**LIVE), job=found))
    assert plan.status is not None
    assert plan.status.phase == Phase.TIMED_OUT


def test_a_cancel_after_a_time_out_came_too_late() -> None:
    plan = decide(view(run(cancel="interrupt", **LIVE), job=job(), pods=(TIMED_OUT_POD,)))
    assert plan.status is not None
    assert plan.status.phase == Phase.TIMED_OUT
    assert any(c.type == Condition.CANCEL_TOO_LATE for c in plan.status.conditions)


def test_a_failed_agent_fails_its_run_only_when_no_retry_is_left() -> None:
    plan = decide(view(run(**LIVE), job=job(backoff_limit=1), pods=(FAILED_POD,)))
    assert plan.status is not None
    assert plan.status.phase == Phase.PENDING
    assert plan.status.attempts == 1
    second = replace(FAILED_POD, name="r-2", uid="pod-2")
    plan = decide(view(run(**LIVE), job=job(backoff_limit=1), pods=(FAILED_POD, second)))
    assert plan.status is not None
    assert (plan.status.phase, plan.status.attempts) == (Phase.FAILED, 2)


def test_a_failure_that_no_retry_can_fix_ends_the_run() -> None:
    pod = said(replace(FAILED_POD, exit_code=2), "Failed", reason="InvalidInput", message="m")
    plan = decide(view(run(**LIVE), job=job(backoff_limit=3), pods=(pod,)))
    assert reason_of(plan) == "InvalidInput"


def test_a_cancel_in_the_backoff_between_two_pods_forbids_the_retry() -> None:
    """Failure mode 24."""
    this = run(cancel="interrupt", spec_more={"retries": 3}, **LIVE)
    plan = decide(view(this, job=job(backoff_limit=3), pods=(FAILED_POD,)))
    assert plan.actions == (ForbidRetries("r", "job-uid"),)
    assert plan.status is not None
    assert plan.status.phase == Phase.CANCELLING
    # The Job controller may not have seen it yet: only the Job's own word is final.
    plan = decide(view(this, job=job(retries=3), pods=(FAILED_POD,)))
    assert plan.status is not None
    assert plan.status.phase == Phase.CANCELLING
    plan = decide(view(this, job=job(finished=True, retries=3), pods=(FAILED_POD,)))
    assert plan.status is not None
    assert plan.status.phase == Phase.INTERRUPTED, "a retry would have followed"


# Finished


def finished(**more: Any) -> Any:
    state: dict[str, Any] = {
        "phase": Phase.SUCCEEDED,
        "jobName": "r",
        "claimName": "agentrun-store",
        "startedAt": "2026-01-02T03:00:00Z",
        "finishedAt": "2026-01-02T03:04:00Z",
    }
    return run(**(state | more))


def test_an_ordinary_run_is_settled_with_its_final_phase_and_not_watched_any_more() -> None:
    """Failure mode 49."""
    plan = decide(view(run(**LIVE), job=job(), pods=(SUCCEEDED_POD,)))
    assert plan.status is not None
    assert plan.status.settled is True


def test_a_run_with_a_ttl_is_deleted_when_it_expires_and_not_earlier() -> None:
    """Failure mode 53."""
    ttl = {"ttlSecondsAfterFinished": 60}
    plan = decide(view(run(spec_more=ttl, **LIVE), job=job(), pods=(SUCCEEDED_POD,)))
    assert plan.status is not None
    assert plan.status.settled is None
    assert plan.status.expires_at == NOW + timedelta(seconds=60)
    waits = finished(expiresAt=NOW + timedelta(seconds=60))
    assert decide(view(waits)) == Plan(look_again_at=NOW + timedelta(seconds=60))
    due = decide(view(waits, now=NOW + timedelta(seconds=60)))
    assert due.actions == (DeleteRun(),)
    assert due.confirm


def test_a_run_from_git_does_not_expire() -> None:
    """Failure mode 54: it would be applied, and run, again."""
    git = {"annotations": {"argocd.argoproj.io/tracking-id": "app:x"}}
    this = run(spec_more={"ttlSecondsAfterFinished": 60}, meta_more=git, **LIVE)
    plan = decide(view(this, job=job(), pods=(SUCCEEDED_POD,)))
    assert plan.status is not None
    assert (plan.status.expires_at, plan.status.settled) == (None, True)


def test_reclaim_policy_delete_keeps_the_finalizer_of_a_finished_run() -> None:
    delete = {"reclaimPolicy": "Delete"}
    plan = decide(view(run(spec_more=delete, **LIVE), job=job(), pods=(SUCCEEDED_POD,)))
    assert plan.actions == ()
    assert plan.status is not None
    assert plan.status.settled is None
    assert decide(view(finished(spec_more=delete, has_finalizer=True))) == Plan()


def test_deleting_a_finished_run_with_reclaim_policy_delete_cleans_the_store_first() -> None:
    gone = finished(spec_more={"reclaimPolicy": "Delete"}, has_finalizer=True, deleting=True)
    first = decide(view(gone))
    assert first.actions == ()
    assert first.status is not None
    assert first.status.holds_thread, "the thread first: another run may take it at the same time"
    gone = gone.model_copy(update={"status": first.status})
    plan = decide(view(gone))
    assert plan.actions == (RequestCleanup("agentrun-store"),)
    assert plan.status is not None
    assert plan.status.phase == Phase.SUCCEEDED
    assert decide(view(gone, cleanup=CleanupState("done", 3))).actions == (RemoveFinalizer(),)


def test_a_clean_up_waits_for_the_run_that_uses_the_thread() -> None:
    """Failure mode 29."""
    gone = finished(spec_more={"reclaimPolicy": "Delete"}, has_finalizer=True, deleting=True)
    user = run("later", uid="later", has_finalizer=True, phase=Phase.RUNNING)
    plan = decide(view(gone, rivals=(user,)))
    assert plan.actions == ()
    assert plan.status is not None
    waiting = next(c for c in plan.status.conditions if c.type == Condition.ROLLED_BACK)
    assert waiting.reason == Reason.THREAD_BUSY


def test_a_finished_run_with_nothing_left_to_do_loses_its_finalizer() -> None:
    """Failure mode 40."""
    assert decide(view(finished(has_finalizer=True))).actions == (RemoveFinalizer(),)
    assert decide(view(finished())) == Plan()


# Git


@pytest.mark.parametrize(
    "meta",
    [
        {"annotations": {"argocd.argoproj.io/tracking-id": "app:x"}},
        {"labels": {"app.kubernetes.io/instance": "app"}},
        {"labels": {"kustomize.toolkit.fluxcd.io/name": "app"}},
        {"labels": {"helm.toolkit.fluxcd.io/name": "app"}},
    ],
)
def test_a_rolled_back_run_from_git_stays_as_an_empty_tombstone(meta: dict[str, Any]) -> None:
    """Failure mode 54: removed, it would be applied and run again."""
    this = run(cancel="rollback", meta_more=meta, **LIVE)
    plan = decide(view(this, pods=(STOPPED_POD,), cleanup=CleanupState("done", 3)))
    assert plan.actions == (RemoveFinalizer(),)
    assert plan.status is not None
    assert plan.status.phase == Phase.ROLLED_BACK
    assert plan.status.output is None
    assert plan.status.settled is True
    assert plan.status.cancel is not None
    assert plan.status.cancel.checkpoints_deleted == 3
    born = decide(view(run(cancel="rollback", meta_more=meta)))
    assert born.actions == ()
    assert born.status is not None
    assert born.status.phase == Phase.ROLLED_BACK
