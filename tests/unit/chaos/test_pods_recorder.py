"""Layer 3: its recorder lets the judge find each violation, and nothing else."""

from collections.abc import Callable
from typing import Any

import pytest

from agentrun_kube.names import FINALIZER
from chaos.pods.history import Begin, History, RunHistory, Sighting
from chaos.pods.looks import Life
from chaos.pods.recorder import BLIND, judged
from chaos.verdicts import never_judged
from judge.invariants import (
    ALIVE_AFTER_END,
    BORN_CANCELLED,
    INVARIANTS,
    LEFTOVER,
    LOST_CANCEL,
    MISSING,
    NOT_SETTLED,
    PHASE_CHANGED,
    SECOND_JOB,
    STARTED_AFTER_END,
    TWO_ON_THREAD,
    UNASKED,
)
from judge.record import REMOVED

STEPS = 3


def add_run(history: History, name: str, *states: tuple[str, float], **spec: Any) -> RunHistory:
    """A run that was seen in these phases at these times; it is cancelled after the first one."""
    first = {"thread": "t", "config": {"configurable": {"steps": STEPS}}} | spec
    first.pop("cancel", None)
    run = history.runs[name]
    meta: dict[str, Any] = {"name": name, "uid": name, "finalizers": [FINALIZER]}
    for number, (phase, at) in enumerate(states):
        if phase == REMOVED:
            see(run, REMOVED, at)
            continue
        deletes = REMOVED in [later for later, _ in states] and "cancel" not in spec
        deleting = {"deletionTimestamp": "2026-01-01T00:00:00Z"} if deletes else {}
        shown = first | spec if number else dict(first)
        obj = {"metadata": meta | deleting, "spec": shown, "status": {"phase": phase}}
        run.sightings.append(Sighting(at, obj, gone=False))
    return run


def see(run: RunHistory, phase: str, at: float) -> None:
    """The run was seen once more."""
    last, gone = run.last, phase == REMOVED
    status = last["status"] if gone else last["status"] | {"phase": phase}
    run.sightings.append(Sighting(at, last | {"status": status}, gone))


def reclaim(run: RunHistory) -> None:
    for sighting in run.sightings:
        sighting.run["spec"]["reclaimPolicy"] = "Delete"


def good() -> History:
    """Three runs on a thread: one that succeeded, one rolled back, one interrupted.

    And two that were deleted, one of them without a thread.
    """
    history = History()
    history.looks.times = [float(second) for second in range(100)]
    done = add_run(history, "done", ("Pending", 1), ("Running", 2), ("Succeeded", 9.5))
    done.jobs = {"job-1"}
    done.begins = [Begin(3, "done-a", 1), Begin(5, "done-b", 2), Begin(6, "done-b", 3)]
    done.last["status"] |= {"checkpoint": {"id": "d5", "count": 5}}
    states = [("Running", 12.0), ("Cancelling", 14.0), (REMOVED, 19.5)]
    rolled_back = add_run(history, "rolled-back", *states, cancel="rollback")
    rolled_back.asked = ["interrupt", "rollback"]
    rolled_back.begins = [Begin(13, "rolled-back-a", 2)]
    states = [("Pending", 11.0), ("Running", 22.0), ("Interrupted", 29.5)]
    stopped = add_run(history, "stopped", *states, cancel="interrupt")
    stopped.begins = [Begin(23, "stopped-a", 1), Begin(24, "stopped-a", 2)]
    stopped.asked = ["interrupt"]
    deleted = add_run(history, "deleted", ("Running", 32.0), (REMOVED, 39.5))
    deleted.asked = ["delete"]
    deleted.begins = [Begin(33, "deleted-a", 2)]
    add_run(history, "stateless", ("Running", 2.0), (REMOVED, 9.5), thread=None).asked = ["delete"]
    for run, pod, first, last in (
        ("done", "done-a", 2, 4),
        ("done", "done-b", 4, 9),
        ("rolled-back", "rolled-back-a", 12, 19),
        ("stopped", "stopped-a", 22, 29),
        ("deleted", "deleted-a", 32, 39),
        ("stateless", "stateless-a", 2, 9),
    ):
        history.looks.lives[run, pod] = Life(run, pod, first, last)
    history.store.checkpoints["done"] = {f"d{number}" for number in range(1, 6)}
    history.store.checkpoints["stopped"] = {"s1", "s2", "s3"}
    history.store.checkpoints["deleted"] = {"x1", "x2", "x3"}
    marks = ["done/1/done-a", "done/2/done-b", "done/3/done-b", "stopped/1/stopped-a"]
    history.store.marks["threads/t"] = [*marks, "deleted/1/deleted-a"]
    return history


def broken(history: History) -> set[str]:
    return {invariant for invariant, _ in judged(history).violations}


def test_a_good_history_breaks_no_invariant() -> None:
    judge = judged(good())
    assert judge.violations == []
    assert never_judged(judge.verdicts.judged, BLIND) == [BORN_CANCELLED]


def a_cancelled_run_never_ends(history: History) -> None:
    del history.runs["stopped"].sightings[2:]


def a_deleted_run_stays(history: History) -> None:
    del history.runs["deleted"].sightings[1:]


def a_rollback_ends_as_an_interrupt(history: History) -> None:
    del history.runs["rolled-back"].sightings[-1]
    see(history.runs["rolled-back"], "Interrupted", 19.5)


def an_interrupted_run_fails(history: History) -> None:
    del history.runs["stopped"].sightings[-1]
    see(history.runs["stopped"], "Failed", 29.5)


def an_accepted_rollback_is_an_interrupt(history: History) -> None:
    history.runs["stopped"].asked.append("rollback")


def a_process_outlives_the_final_phase(history: History) -> None:
    history.looks.lives["done", "done-b"].last = 10


def a_process_outlives_the_removal(history: History) -> None:
    history.looks.lives["rolled-back", "rolled-back-a"].last = 20


def a_pod_starts_after_the_end(history: History) -> None:
    history.looks.lives["stopped", "b"] = Life("stopped", "b", 31, 31)


def two_runs_are_alive_on_a_thread(history: History) -> None:
    history.looks.lives["rolled-back", "rolled-back-a"].first = 8


def a_run_is_seen_once_while_another_is_alive_on_the_thread(history: History) -> None:
    history.looks.lives["rolled-back", "b"] = Life("rolled-back", "b", 6, 6)


def two_pods_of_a_run_are_alive(history: History) -> None:
    history.looks.lives["done", "done-a"].last = 5


def a_rolled_back_run_has_checkpoints(history: History) -> None:
    history.store.checkpoints["rolled-back"] = {"r1"}


def a_rolled_back_run_is_in_the_threads_state(history: History) -> None:
    history.store.marks["threads/t"].append("rolled-back/1/rolled-back-a")


def a_deleted_stateless_run_has_checkpoints(history: History) -> None:
    history.store.checkpoints["stateless"] = {"x1"}


def a_deleted_run_that_reclaims_has_checkpoints(history: History) -> None:
    reclaim(history.runs["deleted"])


def a_reported_checkpoint_is_gone(history: History) -> None:
    history.store.checkpoints["done"].remove("d5")
    history.store.checkpoints["done"].add("d6")


def some_checkpoints_are_gone(history: History) -> None:
    history.store.checkpoints["done"].remove("d1")


def a_step_of_a_success_is_not_in_the_state(history: History) -> None:
    history.store.marks["threads/t"].remove("done/3/done-b")


def a_step_that_was_on_disk_is_not_in_the_state(history: History) -> None:
    history.store.marks["threads/t"].remove("stopped/1/stopped-a")


def a_deleted_runs_kept_step_is_not_in_the_state(history: History) -> None:
    history.store.marks["threads/t"].remove("deleted/1/deleted-a")


def a_step_is_twice_in_the_state(history: History) -> None:
    history.store.marks["threads/t"].insert(1, "done/1/done-b")


def a_retry_starts_from_scratch(history: History) -> None:
    history.runs["done"].begins += [Begin(7, "done-c", 1)]


def a_run_has_two_jobs(history: History) -> None:
    history.runs["done"].jobs.add("job-2")


def a_final_phase_changes(history: History) -> None:
    see(history.runs["done"], "Failed", 12.0)


def a_run_comes_back_from_its_end(history: History) -> None:
    see(history.runs["done"], "Running", 12.0)


def a_run_created_with_a_cancel_gets_a_job(history: History) -> None:
    history.runs["stopped"].sightings[0].run["spec"]["cancel"] = "interrupt"
    history.runs["stopped"].jobs = {"job-3"}


def a_run_is_deleted_without_a_request(history: History) -> None:
    see(history.runs["done"], REMOVED, 40.0)


def a_run_never_ends(history: History) -> None:
    del history.runs["done"].sightings[2:]


BROKEN: dict[Callable[[History], None], str] = {
    a_cancelled_run_never_ends: LOST_CANCEL,
    a_deleted_run_stays: LOST_CANCEL,
    a_rollback_ends_as_an_interrupt: LOST_CANCEL,
    an_interrupted_run_fails: LOST_CANCEL,
    an_accepted_rollback_is_an_interrupt: LOST_CANCEL,
    a_process_outlives_the_final_phase: ALIVE_AFTER_END,
    a_process_outlives_the_removal: ALIVE_AFTER_END,
    a_pod_starts_after_the_end: STARTED_AFTER_END,
    two_runs_are_alive_on_a_thread: TWO_ON_THREAD,
    a_run_is_seen_once_while_another_is_alive_on_the_thread: TWO_ON_THREAD,
    two_pods_of_a_run_are_alive: TWO_ON_THREAD,
    a_rolled_back_run_has_checkpoints: LEFTOVER,
    a_rolled_back_run_is_in_the_threads_state: LEFTOVER,
    a_deleted_stateless_run_has_checkpoints: LEFTOVER,
    a_deleted_run_that_reclaims_has_checkpoints: LEFTOVER,
    a_reported_checkpoint_is_gone: MISSING,
    some_checkpoints_are_gone: MISSING,
    a_step_of_a_success_is_not_in_the_state: MISSING,
    a_step_that_was_on_disk_is_not_in_the_state: MISSING,
    a_deleted_runs_kept_step_is_not_in_the_state: MISSING,
    a_step_is_twice_in_the_state: MISSING,
    a_retry_starts_from_scratch: MISSING,
    a_run_has_two_jobs: SECOND_JOB,
    a_final_phase_changes: PHASE_CHANGED,
    a_run_comes_back_from_its_end: PHASE_CHANGED,
    a_run_created_with_a_cancel_gets_a_job: BORN_CANCELLED,
    a_run_is_deleted_without_a_request: UNASKED,
    a_run_never_ends: NOT_SETTLED,
}


@pytest.mark.parametrize("change", BROKEN, ids=lambda change: change.__name__)
def test_each_planted_fault_breaks_exactly_its_invariant(
    change: Callable[[History], None],
) -> None:
    history = good()
    change(history)
    assert broken(history) == {BROKEN[change]}


def test_each_invariant_that_can_be_observed_is_broken_by_a_history() -> None:
    assert set(BROKEN.values()) == set(INVARIANTS) - set(BLIND)


def test_a_cancel_that_came_too_late_is_not_lost() -> None:
    history = good()
    run = history.runs["done"]
    run.last["spec"]["cancel"] = "interrupt"
    assert broken(history) == {LOST_CANCEL}
    too_late = {"type": "CancelTooLate", "status": "True", "reason": "CancelTooLate"}
    run.last["status"]["conditions"] = [too_late]
    assert broken(history) == set()


def test_a_reclaimed_run_may_leave_its_steps_in_later_checkpoints() -> None:
    history = good()
    run = history.runs["done"]
    reclaim(run)
    see(run, REMOVED, 50.0)
    run.asked.append("delete")
    history.store.checkpoints["done"] = set()
    assert broken(history) == set()


def test_a_reclaimed_run_that_was_the_last_of_its_thread_may_lose_its_steps() -> None:
    history = good()
    run = history.runs["done"]
    reclaim(run)
    see(run, REMOVED, 50.0)
    run.asked.append("delete")
    history.store.checkpoints["done"] = set()
    marks = history.store.marks["threads/t"]
    marks[:] = [mark for mark in marks if not mark.startswith("done/")]
    assert broken(history) == set()
