"""Judges the stores: no kept run has lost a checkpoint, no cleaned run has one left."""

from collections import Counter
from collections.abc import Mapping

from .history import (
    Cleaned,
    Process,
    StateRead,
    StepBegun,
    StoreRead,
    ThreadRead,
    Wrote,
)
from .invariants import LEFTOVER, MISSING
from .record import Record
from .verdicts import Verdicts


class Stores:
    def __init__(
        self, runs: Mapping[str, Record], processes: Mapping[str, Process], verdicts: Verdicts
    ) -> None:
        self._runs = runs
        self._processes = processes
        self._check = verdicts.check
        self.written: dict[str, list[tuple[str, str]]] = {}  # by thread: run UID, checkpoint
        self._counts: Counter[str] = Counter()  # checkpoints written, by run UID

    def wrote(self, event: Wrote) -> None:
        self.written.setdefault(event.thread, []).append((event.run_uid, event.checkpoint))
        self._counts[event.run_uid] += 1

    def step_begun(self, event: StepBegun) -> None:
        record = self._runs[event.run_uid]
        if event.pod not in record.began:
            text = f"{record.name}: {event.pod} begins with step {event.step}, which was on disk"
            self._check(MISSING, event.step > record.steps, text, runs=[event.run_uid])
        record.began.add(event.pod)
        record.steps = max(record.steps, event.step - 1)

    def cleaned(self, event: Cleaned) -> None:
        record = self._runs[event.run_uid]
        text = f"{record.name} ({record.uid}) was cleaned, and no user requested that"
        self._check(MISSING, record.may_be_cleaned or not self._counts[record.uid], text)

    def read(self, event: StoreRead) -> None:
        record = self._runs[event.run_uid]
        name, there = f"{record.name} ({record.uid})", event.count
        writers = self._of(event.run_uid)
        if record.must_be_clean:
            text = f"{name} ended {record.ended}, {there} checkpoints are left"
            self._check(LEFTOVER, not there, text, runs=[record.uid], processes=writers)
        if record.may_be_cleaned or record.must_be_clean:
            return
        if event.ids is None:
            wrote = self._counts[record.uid]
            text = f"{name} wrote {wrote} checkpoints, {there} are there"
            self._check(MISSING, there == wrote, text, processes=writers)
            return
        reported = record.status.get("checkpoint") or {}
        newest, least = reported.get("id"), max(reported.get("count", 0), record.steps)
        text = f"{name} wrote at least {least} checkpoints, {there} are there"
        self._check(MISSING, there >= least, text, processes=writers)
        text = f"{name} reported checkpoint {newest}, which is not there"
        self._check(MISSING, newest is None or newest in event.ids, text, processes=writers)

    def thread_read(self, event: ThreadRead) -> None:
        """The newest checkpoint is the last one by a run that was not rolled back."""
        written = self.written.get(event.thread, [])
        kept = [checkpoint for uid, checkpoint in written if uid not in event.buried]
        expected = kept[-1] if kept and event.exists else None
        writers = sorted({uid for uid, _ in written})
        runs, processes = writers, [p for uid in writers for p in self._of(uid)]
        if event.reader is not None:
            runs, processes = [], [event.reader]
        text = f"{event.thread}: the newest checkpoint is {event.newest}, not {expected}"
        self._check(MISSING, event.newest == expected, text, runs=runs, processes=processes)

    def state_read(self, event: StateRead) -> None:
        """The state of a thread is what the runs made that are kept, all of it."""
        for uid, steps in event.steps.items():
            record = self._runs.get(uid)
            text = f"{uid} is gone, and its steps {steps} are in {event.thread}"
            self._check(LEFTOVER, record is not None and not record.is_undone, text)
        for record in self._runs.values():
            if record.thread != event.thread or record.may_be_cleaned or record.must_be_clean:
                continue
            steps, least = event.steps.get(record.uid, []), _steps_kept(record)
            in_order = steps == list(range(1, len(steps) + 1))
            text = f"{record.name} made {least} steps, {steps} are in {event.thread}"
            self._check(MISSING, in_order and len(steps) >= least, text)

    def _of(self, run_uid: str) -> list[Process]:
        return [p for p in self._processes.values() if p.run_uid == run_uid]


def _steps_kept(record: Record) -> int:
    """How many steps of the run have to be in the state of its thread."""
    if record.ended == "Succeeded":
        return int(record.last["spec"]["config"]["configurable"]["steps"])
    return record.steps
