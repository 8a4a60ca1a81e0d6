"""A cancel takes effect without the status, is never taken back, and is reported once."""

from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import pytest

from agentrun_kube.v1alpha1.agent import Agent
from agentrun_kube.v1alpha1.agent_run import AgentRunStatus
from agentrun_kube.v1alpha1.base import ConditionStatus
from agentrun_kube.vocabulary import Condition, Phase, Reason
from agentrun_operator.cleanups.policy import CleanupState
from agentrun_operator.runs.plan import ForbidRetries, RequestCleanup, StopPod
from agentrun_operator.runs.policy.decide import decide

from .states import (
    CANCELLED_BY,
    FAILED_POD,
    NOW,
    RUNNING_POD,
    SIGNALLED_POD,
    STOPPED_POD,
    SUCCEEDED_POD,
    agent,
    job,
    run,
    view,
)

LIVE: dict[str, Any] = {
    "has_finalizer": True,
    "phase": Phase.RUNNING,
    "jobName": "r",
    "claimName": "agentrun-store",
    "startedAt": "2026-01-02T03:00:00Z",
}
ASKED_AT = datetime.fromisoformat(str(CANCELLED_BY["time"]))
STOP = StopPod("r-abc", "pod-uid")


def stopped(status: AgentRunStatus) -> ConditionStatus:
    (found,) = (c for c in status.conditions if c.type == Condition.STOPPED)
    return found


@pytest.mark.parametrize("cancel", ["interrupt", "rollback"])
def test_a_cancel_stops_a_pod_that_the_status_does_not_name_yet(cancel: str) -> None:
    """Failure mode 2."""
    unknown = run(cancel=cancel, has_finalizer=True)
    assert unknown.status.job_uid is None
    plan = decide(view(unknown, job=job(backoff_limit=2), pods=(RUNNING_POD,)))
    assert plan.actions == (ForbidRetries("r", "job-uid"), STOP)
    assert decide(view(unknown, pods=(RUNNING_POD,))).actions == (STOP,), "nor its Job"


@pytest.mark.parametrize(
    "found", [CleanupState("running"), CleanupState("failed", message="no space")]
)
def test_a_repeated_cancel_during_the_clean_up_does_not_restart_it(found: CleanupState) -> None:
    """Failure mode 11."""
    first = decide(view(run(cancel="rollback", **LIVE), pods=(STOPPED_POD,), cleanup=found))
    assert first.status is not None
    asked_again = run(
        cancel="rollback",
        meta_more={"managedFields": [CANCELLED_BY | {"time": "2026-01-02T03:04:04Z"}]},
        **LIVE,
    ).model_copy(update={"status": first.status})
    again = decide(view(asked_again, pods=(STOPPED_POD,), cleanup=found))
    assert again.actions == (RequestCleanup("agentrun-store"),)
    assert again.status == first.status
    assert again.events == ()


@pytest.mark.parametrize("pods", [(RUNNING_POD,), (SIGNALLED_POD,), (STOPPED_POD,)])
def test_a_run_whose_cancel_was_removed_from_its_spec_still_stops(pods: Any) -> None:
    """Failure modes 10 and 55. The API server refuses that; if it did not, the status counts."""
    reverted = run(**(LIVE | {"phase": Phase.CANCELLING, "cancel_status": {"action": "interrupt"}}))
    plan = decide(view(reverted, job=job(), pods=pods))
    assert (STOP in plan.actions) == (pods == (RUNNING_POD,))
    assert plan.status is not None
    ended = pods == (STOPPED_POD,)
    assert plan.status.phase == (Phase.INTERRUPTED if ended else Phase.CANCELLING)


@pytest.mark.parametrize("pod", [SUCCEEDED_POD, FAILED_POD])
def test_a_run_that_has_ended_stays_as_it_is_when_another_pod_is_found(pod: Any) -> None:
    """Failure mode 15."""
    first = decide(view(run(cancel="interrupt", **LIVE), job=job(), pods=(STOPPED_POD,)))
    assert first.status is not None
    done = run(cancel="interrupt", **LIVE).model_copy(update={"status": first.status})
    after = decide(view(done, job=job(), pods=(STOPPED_POD, pod)))
    assert after.status is None
    assert after.events == ()


def test_the_time_of_the_request_changes_only_when_the_action_does() -> None:
    """Failure mode 19. managedFields has one time for all fields that a manager owns."""
    live = run(cancel="interrupt", **LIVE)
    first = decide(view(live, job=job(), pods=(RUNNING_POD,)))
    assert first.status is not None and first.status.cancel is not None
    assert first.status.cancel.requested_at == ASKED_AT
    later = {"managedFields": [CANCELLED_BY | {"time": "2026-01-02T03:04:04Z"}]}
    for cancel, expected in (
        ("interrupt", ASKED_AT),
        ("rollback", datetime.fromisoformat("2026-01-02T03:04:04Z")),
    ):
        patched = run(cancel=cancel, meta_more=later, **LIVE)
        patched = patched.model_copy(update={"status": first.status})
        plan = decide(view(patched, job=job(), pods=(SIGNALLED_POD,)))
        assert plan.status is not None and plan.status.cancel is not None
        assert plan.status.cancel.requested_at == expected


BY_GIT = {"manager": "from-git", "fieldsV1": {"f:spec": {"f:cancel": {}}}}


@pytest.mark.parametrize("managers", [[BY_GIT, CANCELLED_BY], [BY_GIT]])
def test_a_cancel_by_a_manager_without_a_time_stops_the_run(managers: list[Any]) -> None:
    """Failure modes 8 and 55. A server-side apply that changes nothing leaves no time."""
    live = run(cancel="interrupt", meta_more={"managedFields": managers}, **LIVE)
    plan = decide(view(live, job=job(), pods=(RUNNING_POD,)))
    assert plan.actions == (STOP,)


def test_a_repeated_cancel_by_another_manager_leaves_the_status_unchanged() -> None:
    """Failure modes 8 and 19."""
    live = run(cancel="interrupt", **LIVE)
    first = decide(view(live, job=job(), pods=(RUNNING_POD,)))
    assert first.status is not None
    later = BY_GIT | {"time": "2026-01-02T03:04:04Z"}
    again = run(cancel="interrupt", meta_more={"managedFields": [later, CANCELLED_BY]}, **LIVE)
    again = again.model_copy(update={"status": first.status})
    plan = decide(view(again, job=job(), pods=(SIGNALLED_POD,)))
    assert plan.status == first.status


def test_the_times_of_a_cancel_stay_while_its_clean_up_runs() -> None:
    """Failure modes 8 and 19. Otherwise each decision would write the status again."""
    this = run(cancel="rollback", **LIVE)
    first = decide(view(this, job=job(), pods=(STOPPED_POD,)))
    assert first.status is not None and first.status.cancel is not None
    assert first.status.cancel.gone_at == NOW
    again = this.model_copy(update={"status": first.status})
    later = NOW + timedelta(minutes=5)
    assert decide(view(again, job=job(), pods=(STOPPED_POD,), now=later)).status == first.status


def test_a_tombstone_keeps_the_times_and_figures_of_the_cancel() -> None:
    """By the time that the store is clean, the pod may be gone."""
    git = {"annotations": {"argocd.argoproj.io/tracking-id": "app:x"}}
    this = run(cancel="rollback", meta_more=git, **LIVE)
    killed = replace(STOPPED_POD, exit_code=137)
    waits = decide(view(this, job=job(), pods=(killed,)))
    again = this.model_copy(update={"status": waits.status})
    later = NOW + timedelta(minutes=5)
    done = decide(view(again, cleanup=CleanupState("done", 3), now=later))
    assert done.status is not None and done.status.cancel is not None
    cancel = done.status.cancel
    assert (cancel.gone_at, cancel.clean_at) == (NOW, later)
    assert (cancel.checkpoints_deleted, cancel.forced) == (3, True)


def test_a_condition_keeps_its_time_when_only_its_reason_changes() -> None:
    """Failure mode 19."""
    live = run(cancel="interrupt", **LIVE)
    first = decide(view(live, job=job(), pods=(SIGNALLED_POD,)))
    assert first.status is not None
    before = stopped(first.status)
    later = NOW + timedelta(minutes=5)
    same = live.model_copy(update={"status": first.status})
    silent = decide(view(same, job=job(), pods=(SIGNALLED_POD,), now=later))
    assert silent.status is not None
    assert stopped(silent.status).reason == Reason.KUBELET_SILENT
    assert stopped(silent.status).last_transition_time == before.last_transition_time
    ended = decide(view(same, job=job(), pods=(STOPPED_POD,), now=later))
    assert ended.status is not None
    assert stopped(ended.status).last_transition_time == later


@pytest.mark.parametrize("cancel", ["interrupt", "rollback"])
@pytest.mark.parametrize("by_now", [None, agent()])
def test_the_retries_of_a_job_are_those_it_was_created_with_whatever_its_agent_says(
    cancel: str, by_now: Agent | None
) -> None:
    """Failure mode 24. The Job controller may be creating a pod that the Agent no longer allows."""
    live = run(cancel=cancel, **LIVE)
    stopping = job(backoff_limit=0, retries=3)
    plan = decide(view(live, agent=by_now, job=stopping, pods=(FAILED_POD,)))
    assert plan.status is not None
    assert plan.status.phase == Phase.CANCELLING
    assert stopped(plan.status).status == "False"
