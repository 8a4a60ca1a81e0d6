"""What must always hold, and whether it did."""

import itertools
from collections.abc import Iterator
from typing import NamedTuple

from e2e.run import FINAL, condition
from judge.invariants import (
    ALIVE_AFTER_END,
    BORN_CANCELLED,
    LEFTOVER,
    LOST_CANCEL,
    MISSING,
    NOT_SETTLED,
    PHASE_CHANGED,
    SECOND_JOB,
    TWO_ON_THREAD,
)

from .history import REMOVED, History, RunHistory

UNASKED = "no record goes unasked"
INVARIANTS = (
    LOST_CANCEL,
    ALIVE_AFTER_END,
    TWO_ON_THREAD,
    LEFTOVER,
    MISSING,
    SECOND_JOB,
    PHASE_CHANGED,
    BORN_CANCELLED,
    UNASKED,
    NOT_SETTLED,
)


class Violation(NamedTuple):
    invariant: str
    text: str


def judge(history: History) -> list[Violation]:
    """All violations."""
    found: list[Violation] = []
    for run in history.runs.values():
        found += _of_the_record(run)
        found += _of_the_processes(run, history)
        found += _of_the_checkpoints(run, history)
    found += _of_threads(history)
    found += _of_states(history)
    return found


def _of_the_record(run: RunHistory) -> Iterator[Violation]:
    end, phases = run.end, [state.phase for state in run.states]
    if end is None:
        broken = LOST_CANCEL if run.cancel or "delete" in run.asked else NOT_SETTLED
        yield Violation(broken, f"{run.name} has not ended: {phases}, {run.last.get('status')}")
        return
    for before, after in itertools.pairwise(phases):
        if before in FINAL and after not in (before, REMOVED):
            yield Violation(PHASE_CHANGED, f"{run.name} was {before} and became {after}")
    if REMOVED in phases and run.cancel != "rollback" and "delete" not in run.asked:
        yield Violation(UNASKED, f"{run.name} is gone, and nobody asked for that")
    accepted = next((name for name in ("rollback", "interrupt") if name in run.asked), None)
    if accepted and run.cancel not in (accepted, "rollback"):
        yield Violation(LOST_CANCEL, f"{run.name}: {accepted} accepted, cancel is {run.cancel}")
    if run.cancel == "rollback" and end.phase not in ("RolledBack", REMOVED):
        yield Violation(LOST_CANCEL, f"{run.name} ended {end.phase}, and cancel is rollback")
    as_asked = end.phase in ("Interrupted", "RolledBack", REMOVED)
    if run.cancel == "interrupt" and not as_asked and condition(run.last, "CancelTooLate") is None:
        text = f"{run.name} ended {end.phase}, cancelled, and no condition CancelTooLate"
        yield Violation(LOST_CANCEL, text)
    if len(run.jobs) > 1:
        yield Violation(SECOND_JOB, f"{run.name} had the Jobs {sorted(run.jobs)}")
    if "born cancelled" in run.asked and run.jobs:
        yield Violation(BORN_CANCELLED, f"{run.name} got a Job")


def _of_the_processes(run: RunHistory, history: History) -> Iterator[Violation]:
    if run.end is None:
        return
    for life in history.lives(run):
        late = history.looks.last_seen(life) - run.end.seen_at
        if late > 0:
            text = f"{run.name}: {life.pod} alive {late:.3f} s after {run.end.phase} was seen"
            yield Violation(ALIVE_AFTER_END, text)


def _of_the_checkpoints(run: RunHistory, history: History) -> Iterator[Violation]:
    there = history.store.checkpoints[run.uid]
    if run.is_cleaned:
        if there:
            yield Violation(LEFTOVER, f"{run.name} is gone, {len(there)} checkpoints are left")
        return
    if run.may_be_cleaned:
        return
    last = run.last.get("status", {}).get("checkpoint") or {}
    if last.get("id") and last["id"] not in there:
        yield Violation(MISSING, f"{run.name} reported checkpoint {last['id']}: it is not there")
    least = max(last.get("count", 0), run.acknowledged)
    if len(there) < least:
        yield Violation(MISSING, f"{run.name} wrote {least} checkpoints, {len(there)} are there")
    acknowledged, pods = 0, set()
    for begin in sorted(run.begins):
        if begin.pod not in pods and begin.step <= acknowledged:
            text = f"{run.name}: {begin.pod} begins with step {begin.step}, which was on disk"
            yield Violation(MISSING, text)
        pods.add(begin.pod)
        acknowledged = max(acknowledged, begin.step - 1)


def _of_threads(history: History) -> Iterator[Violation]:
    lives = history.looks.lives.values()
    runs = history.runs
    for one, other in itertools.combinations([v for v in lives if v.run_uid in runs], 2):
        thread = runs[one.run_uid].thread
        if thread == runs[other.run_uid].thread and history.looks.together(one, other):
            text = f"{one.pod} and {other.pod} were alive together on {thread}"
            yield Violation(TWO_ON_THREAD, text)


def _of_states(history: History) -> Iterator[Violation]:
    """The state of a thread is what the runs made that are kept, all of it."""
    by_name = {run.name: run for run in history.runs.values()}
    for thread, marks in history.store.marks.items():
        made: dict[str, list[int]] = {}
        for mark in marks:
            name, step, _ = mark.split("/")
            made.setdefault(name, []).append(int(step))
        for name in made:
            if name not in by_name or by_name[name].is_cleaned:
                yield Violation(LEFTOVER, f"{name} is gone, and has marks in {thread}: {marks}")
        for run in history.runs.values():
            if run.thread == thread and not (run.is_cleaned or run.may_be_cleaned):
                steps = made.get(run.name, [])
                if steps != list(range(1, len(steps) + 1)) or len(steps) < _steps_kept(run):
                    text = f"{run.name} made {_steps_kept(run)} steps, {steps} are in {thread}"
                    yield Violation(MISSING, text)


def _steps_kept(run: RunHistory) -> int:
    if run.end is not None and run.end.phase == "Succeeded":
        return int(run.last["spec"]["config"]["configurable"]["steps"])
    return run.acknowledged
