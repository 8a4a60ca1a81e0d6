"""Tells the judge what was seen of a campaign's runs, in the order in which it happened.

What a look shows is a bound: a process was alive from the first look that shows it to the last one.
"""

from collections.abc import Iterator
from typing import NamedTuple

from judge.history import (
    Event,
    JobMade,
    Process,
    ProcessEnded,
    ProcessStarted,
    Requested,
    RunWritten,
    Settled,
    StateRead,
    StepBegun,
    StoreRead,
)
from judge.invariants import CRASHED, SUCCEEDED_WRONGLY, UNTRUE
from judge.judge import Judge

from .history import History

BLIND = {
    SUCCEEDED_WRONGLY: "agents do not tell whether they completed before the signal or after it",
    UNTRUE: "it takes what befell each container, which is not looked at",
    CRASHED: "the operator is the cluster's own, and its log is not read",
}
REQUESTS = ("interrupt", "rollback", "delete")


class _Moment(NamedTuple):
    """When an event happened; at the same time, by its rank, and then in the order it was told."""

    at: float
    rank: int
    number: int


def judged(history: History) -> Judge:
    judge = Judge(BLIND)
    for event in _in_order(history):
        judge.see(event)
    judge.see(Settled(tuple(_not_ended(history))))
    for run in history.runs.values():
        ids = frozenset(history.store.checkpoints[run.uid])
        judge.see(StoreRead(run.uid, len(ids), ids))
    uids = {run.name: run.uid for run in history.runs.values()}
    for thread, marks in history.store.marks.items():
        steps: dict[str, list[int]] = {}
        for mark in marks:
            name, step, _ = mark.split("/")
            steps.setdefault(uids.get(name, name), []).append(int(step))
        judge.see(StateRead(thread, steps))
    judge.rule()
    return judge


def _in_order(history: History) -> list[Event]:
    events = [*_of_processes(history), *_of_runs(history)]
    moments = [
        (_Moment(at, rank, number), event) for number, (at, rank, event) in enumerate(events)
    ]
    return [event for _, event in sorted(moments, key=lambda each: each[0])]


def _of_processes(history: History) -> Iterator[tuple[float, int, Event]]:
    """Two that are seen in one look need not have lived together: one may end as the other begins.

    But which one sees in two looks has lived all the time between them.
    """
    times = history.looks.times
    for life in history.looks.lives.values():
        run = history.runs.get(life.run_uid)
        if run is None:  # of another namespace
            continue
        uid = f"{life.run_uid}/{life.pod}"
        process = Process(uid, life.pod, life.run_uid, run.thread)
        at_once = life.first == life.last
        yield times[life.first], 1 if at_once else 2, ProcessStarted(process)
        yield times[life.last], 1 if at_once else 0, ProcessEnded(uid)


def _of_runs(history: History) -> Iterator[tuple[float, int, Event]]:
    for run in history.runs.values():
        first = run.sightings[0].at
        for number, seen in enumerate(run.sightings):
            yield seen.at, 3, RunWritten(seen.run, number, seen.gone)
        # A request is told of when it has been answered, and may show before that.
        for what in run.asked:
            if what in REQUESTS:
                yield first, 4, Requested(run.uid, what)
        for job in sorted(run.jobs):
            yield first, 4, JobMade(run.uid, job)
        for begin in run.begins:
            yield begin.at, 3, StepBegun(run.uid, begin.pod, begin.step)


def _not_ended(history: History) -> Iterator[tuple[str, str]]:
    for run in history.runs.values():
        if run.end is None:
            phases = [state.phase for state in run.states]
            yield run.uid, f"{run.name} has not ended: {phases}, {run.last.get('status')}"
