"""Clean-up Jobs: one at a time for a claim, shared, and tried again later and later."""

import json
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

import pytest

from agentrun_operator.constants import Phase
from agentrun_operator.models import AgentRun
from agentrun_operator.policy.cleanup import (
    CleanupJob,
    NextCleanup,
    awaits_cleanup,
    cleanup_of,
    next_cleanup,
)
from agentrun_operator.policy.view import Cleanup
from agentrun_store.cleanup import MAX_MESSAGE

from .states import NOW, run


def dirty(name: str) -> AgentRun:
    return run(name, uid=name, cancel="rollback", claimName="s")


def cleanup_job(
    *uids: str,
    attempt: int = 1,
    finished: datetime | None = None,
    deleted: dict[str, int] | None = None,
    errors: dict[str, str] | None = None,
    problem: str = "",
    has_pod: bool = True,
) -> CleanupJob:
    return CleanupJob(
        name=f"c{attempt}",
        uid=f"c{attempt}",
        attempt=attempt,
        created_at=NOW,
        has_pod=has_pod,
        run_uids=frozenset(uids),
        finished_at=finished,
        deleted=deleted or {},
        errors=errors or {},
        problem=problem,
        claim_missing=False,
    )


def test_runs_that_wait_share_one_job() -> None:
    """Failure mode 50."""
    todo = next_cleanup([dirty("b"), dirty("a")], [], NOW)
    assert [r.metadata.uid for r in todo.runs] == ["a", "b"]
    assert todo.attempt == 1


def test_no_second_job_while_one_runs() -> None:
    """Failure mode 11."""
    assert next_cleanup([dirty("a"), dirty("b")], [cleanup_job("a")], NOW).runs == ()


def test_a_run_that_is_clean_is_not_cleaned_again() -> None:
    done = cleanup_job("a", finished=NOW, deleted={"a": 2})
    much_later = NOW + timedelta(minutes=10)  # than any pause before another try
    assert next_cleanup([dirty("a")], [done], much_later) == NextCleanup()


@pytest.mark.parametrize("failed_before", [False, True])
def test_a_batch_is_too_large_for_its_report(failed_before: bool) -> None:
    """Failure mode 50. The kubelet would cut it off."""
    many = [dirty(str(UUID(int=number))) for number in range(1000)]
    uids = [run.metadata.uid for run in many]
    jobs = [cleanup_job(*uids, finished=NOW)] if failed_before else []
    batch = next_cleanup(many, jobs, NOW + timedelta(minutes=10)).runs
    assert len(batch) > 1
    runs = {run.metadata.uid: {"checkpoints": 10**6} for run in batch}
    report = json.dumps({"runs": runs, "errors": {}}, separators=(",", ":"))
    assert len(report) <= MAX_MESSAGE


def test_a_failed_clean_up_is_tried_again_later_and_later() -> None:
    """Failure mode 31."""
    failed = cleanup_job("a", finished=NOW, errors={"a": "no space"})
    early = next_cleanup([dirty("a")], [failed], NOW + timedelta(seconds=4))
    assert early.runs == ()
    assert early.retry_at == NOW + timedelta(seconds=5)
    due = next_cleanup([dirty("a")], [failed], NOW + timedelta(seconds=5))
    assert (len(due.runs), due.attempt) == (1, 2)
    tenth = cleanup_job("a", attempt=10, finished=NOW, errors={"a": "no space"})
    later = next_cleanup([dirty("a")], [failed, tenth], NOW)
    assert later.retry_at == NOW + timedelta(minutes=5)


def test_a_run_that_failed_does_not_hold_up_a_fresh_one() -> None:
    failed = cleanup_job("a", finished=NOW, errors={"a": "no space"})
    todo = next_cleanup([dirty("a"), dirty("b")], [failed], NOW)
    assert [r.metadata.uid for r in todo.runs] == ["b"]


def test_a_job_that_left_no_report_is_a_failure() -> None:
    lost = cleanup_job("a", finished=NOW)
    assert cleanup_of(dirty("a"), [lost], "", NOW) == Cleanup(
        "failed", message="Job c1 left no report."
    )


def test_what_the_newest_job_says_counts_unless_an_older_one_was_done() -> None:
    failed = cleanup_job("a", finished=NOW, errors={"a": "no space"})
    again = cleanup_job("a", attempt=2, problem="pod p: unschedulable")
    assert cleanup_of(dirty("a"), [failed, again], "", NOW) == Cleanup(
        "running", message="pod p: unschedulable"
    )
    done = cleanup_job("a", finished=NOW, deleted={"a": 3})
    assert cleanup_of(dirty("a"), [done, again], "", NOW) == Cleanup("done", 3)
    assert cleanup_of(dirty("b"), [done], "", NOW) is None


def test_a_job_that_the_api_server_refuses_is_a_failure_with_its_reason() -> None:
    """Failure mode 31."""
    refused = Cleanup("failed", message="the API server refuses its Job: quota")
    assert cleanup_of(dirty("a"), [], "quota", NOW) == refused
    failed = cleanup_job("a", finished=NOW, errors={"a": "no space"})
    assert cleanup_of(dirty("a"), [failed], "quota", NOW) == refused
    assert cleanup_of(dirty("a"), [cleanup_job("a")], "quota", NOW) == Cleanup("running")


def test_a_job_that_gets_no_pod_says_so_after_a_while() -> None:
    """Failure mode 31."""
    job = cleanup_job("a", has_pod=False)
    later = NOW + timedelta(seconds=15)
    assert cleanup_of(dirty("a"), [job], "", NOW) == Cleanup("running", look_again_at=later)
    known = cleanup_of(dirty("a"), [job], "", later)
    assert known is not None
    assert "no pod of Job c1 could be made" in known.message
    assert cleanup_of(dirty("a"), [cleanup_job("a")], "", later) == Cleanup("running")


def dirty_condition(kind: str, status: str) -> dict[str, str]:
    time = "2026-01-02T03:04:05Z"
    return {
        "type": kind,
        "status": status,
        "reason": "X",
        "message": "",
        "lastTransitionTime": time,
    }


def stopped(**more: Any) -> AgentRun:
    conditions = [dirty_condition("Stopped", "True"), dirty_condition("RolledBack", "False")]
    return run(claimName="s", conditions=conditions, **more)


def test_only_a_run_whose_pod_is_gone_awaits_clean_up() -> None:
    """Failure mode 28: never while a writer may live."""
    stopping = run(
        cancel="rollback", claimName="s", conditions=[dirty_condition("Stopped", "False")]
    )
    assert not awaits_cleanup(stopping)
    assert awaits_cleanup(stopped(cancel="rollback", phase=Phase.CANCELLING))
    assert not awaits_cleanup(stopped(cancel="interrupt", phase=Phase.CANCELLING))


def test_a_finished_run_awaits_clean_up_only_if_it_is_deleted_with_reclaim_policy_delete() -> None:
    delete = {"reclaimPolicy": "Delete"}
    done: dict[str, Any] = {"phase": Phase.SUCCEEDED, "claimed": True}
    assert awaits_cleanup(stopped(deleting=True, spec_more=delete, **done))
    assert not awaits_cleanup(stopped(spec_more=delete, **done))
    assert not awaits_cleanup(stopped(deleting=True, **done))
