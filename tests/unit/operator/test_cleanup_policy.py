"""Clean-up Jobs: one at a time for a claim, shared, and retried with growing pauses."""

import json
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from agentrun_kube.v1alpha1.agent_run import AgentRun
from agentrun_kube.vocabulary import Phase
from agentrun_operator.cleanups.policy import CleanupState, Todo, cleanup_of, next_cleanup
from agentrun_operator.facts.cleanups import CleanupJobFacts
from agentrun_operator.facts.runs import awaits_cleanup
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
    suspended: bool = False,
) -> CleanupJobFacts:
    return CleanupJobFacts(
        name=f"c{attempt}",
        uid=f"c{attempt}",
        attempt=attempt,
        created_at=NOW,
        has_pod=has_pod,
        suspended=suspended,
        run_uids=frozenset(uids),
        finished_at=finished,
        deleted=deleted or {},
        errors=errors or {},
        problem=problem,
        claim_missing=False,
        unread_log=None,
    )


def batches(todo: Todo) -> list[tuple[list[str], int]]:
    """UIDs and attempt of each Job that is to be made."""
    return [([run.metadata.uid for run in batch.runs], batch.attempt) for batch in todo.batches]


def test_waiting_runs_share_one_job() -> None:
    """Failure mode 50."""
    todo = next_cleanup([dirty("b"), dirty("a")], [], NOW)
    assert batches(todo) == [(["a", "b"], 1)]


def test_fresh_runs_get_one_job_at_a_time() -> None:
    """Failure mode 11."""
    assert next_cleanup([dirty("a"), dirty("b")], [cleanup_job("a")], NOW).batches == ()


def test_a_run_that_is_clean_is_not_cleaned_again() -> None:
    done = cleanup_job("a", finished=NOW, deleted={"a": 2})
    much_later = NOW + timedelta(minutes=10)  # than any pause before another try
    assert next_cleanup([dirty("a")], [done], much_later) == Todo()


def test_the_report_of_a_batch_fits_into_a_termination_message() -> None:
    """Failure mode 50. The kubelet truncates a longer one."""
    many = [dirty(str(UUID(int=number))) for number in range(1000)]
    (batch,) = next_cleanup(many, [], NOW + timedelta(minutes=10)).batches
    assert len(batch.runs) > 1
    runs = {run.metadata.uid: {"checkpoints": 10**6} for run in batch.runs}
    report = json.dumps({"runs": runs, "errors": {}}, separators=(",", ":"))
    assert len(report) <= MAX_MESSAGE


def test_a_failed_clean_up_is_retried_with_growing_pauses() -> None:
    """Failure mode 31."""
    failed = cleanup_job("a", finished=NOW, errors={"a": "no space"})
    early = next_cleanup([dirty("a")], [failed], NOW + timedelta(seconds=4))
    assert early == Todo(retry_at=NOW + timedelta(seconds=5))
    due = next_cleanup([dirty("a")], [failed], NOW + timedelta(seconds=5))
    assert batches(due) == [(["a"], 2)]
    tenth = cleanup_job("a", attempt=10, finished=NOW, errors={"a": "no space"})
    later = next_cleanup([dirty("a")], [failed, tenth], NOW)
    assert later.retry_at == NOW + timedelta(minutes=5)


def test_a_failed_clean_up_does_not_delay_that_of_another_run() -> None:
    """Neither while it waits for its retry, nor while that is under way."""
    failed = cleanup_job("a", finished=NOW, errors={"a": "no space"})
    todo = next_cleanup([dirty("a"), dirty("b")], [failed], NOW)
    assert batches(todo) == [(["b"], 1)]
    again = cleanup_job("a", attempt=2)
    todo = next_cleanup([dirty("a"), dirty("b")], [failed, again], NOW + timedelta(minutes=5))
    assert batches(todo) == [(["b"], 1)]


def test_the_runs_of_a_killed_batch_are_retried_one_to_a_job_and_a_few_at_a_time() -> None:
    """One run's data took all memory: the others must not share its next Job."""
    names = [f"{number:02}" for number in range(8)]
    killed = cleanup_job(*names, finished=NOW, deleted={"00": 1}, problem="code 137")
    runs = [dirty(name) for name in names]
    later = NOW + timedelta(seconds=5)
    todo = next_cleanup(runs, [killed], later)
    assert batches(todo) == [(["01"], 2), (["02"], 2), (["03"], 2)]
    assert cleanup_of(runs[0], [killed], "", NOW) == CleanupState("done", 1)
    assert cleanup_of(runs[1], [killed], "", NOW) == CleanupState("failed", message="code 137")
    under_way = [cleanup_job(name, attempt=2) for name in ("01", "02")]
    assert batches(next_cleanup(runs, [killed, *under_way], later)) == [(["03"], 2)]
    # The first two failed once more: those that have waited for longer come first.
    failed = [cleanup_job(name, attempt=2, finished=later) for name in ("01", "02")]
    much_later = NOW + timedelta(minutes=2)
    todo = next_cleanup(runs, [killed, *failed], much_later)
    assert batches(todo) == [(["03"], 2), (["04"], 2), (["05"], 2)]


def test_a_clean_up_job_that_never_ends_is_replaced_after_15_minutes() -> None:
    """A queue has suspended it, or its node is lost and its controller reports nothing."""
    stuck = cleanup_job("a", suspended=True, has_pod=False)
    known = cleanup_of(dirty("a"), [stuck], "", NOW)
    assert known is not None
    assert "Job c1 is suspended (spec.suspend: true)" in known.message
    todo = next_cleanup([dirty("a")], [stuck], NOW)
    assert todo == Todo(retry_at=NOW + timedelta(minutes=15))
    later = NOW + timedelta(minutes=16)
    assert batches(next_cleanup([dirty("a"), dirty("b")], [stuck], later)) == [
        (["b"], 1),
        (["a"], 2),
    ]


def test_a_job_that_left_no_report_is_a_failure() -> None:
    lost = cleanup_job("a", finished=NOW)
    assert cleanup_of(dirty("a"), [lost], "", NOW) == CleanupState(
        "failed", message="Job c1 left no report."
    )


def test_the_newest_jobs_state_counts_unless_an_older_job_was_done() -> None:
    failed = cleanup_job("a", finished=NOW, errors={"a": "no space"})
    again = cleanup_job("a", attempt=2, problem="pod p: unschedulable")
    assert cleanup_of(dirty("a"), [failed, again], "", NOW) == CleanupState(
        "running", message="pod p: unschedulable"
    )
    done = cleanup_job("a", finished=NOW, deleted={"a": 3})
    assert cleanup_of(dirty("a"), [done, again], "", NOW) == CleanupState("done", 3)
    assert cleanup_of(dirty("b"), [done], "", NOW) is None


def test_a_job_that_the_api_server_refuses_is_a_failure_with_its_reason() -> None:
    """Failure mode 31."""
    refused = CleanupState("failed", message="the API server refuses its Job: quota")
    assert cleanup_of(dirty("a"), [], "quota", NOW) == refused
    failed = cleanup_job("a", finished=NOW, errors={"a": "no space"})
    assert cleanup_of(dirty("a"), [failed], "quota", NOW) == refused
    assert cleanup_of(dirty("a"), [cleanup_job("a")], "quota", NOW) == CleanupState("running")


def test_a_job_that_gets_no_pod_is_reported_after_15_seconds() -> None:
    """Failure mode 31."""
    job = cleanup_job("a", has_pod=False)
    later = NOW + timedelta(seconds=15)
    assert cleanup_of(dirty("a"), [job], "", NOW) == CleanupState("running", look_again_at=later)
    known = cleanup_of(dirty("a"), [job], "", later)
    assert known is not None
    assert "no pod of Job c1 could be made" in known.message
    assert cleanup_of(dirty("a"), [cleanup_job("a")], "", later) == CleanupState("running")


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
    done: dict[str, Any] = {"phase": Phase.SUCCEEDED, "has_finalizer": True}
    assert awaits_cleanup(stopped(deleting=True, spec_more=delete, **done))
    assert not awaits_cleanup(stopped(spec_more=delete, **done))
    assert not awaits_cleanup(stopped(deleting=True, **done))
