"""Reading a thread: what its live segments hold together.

The order of checkpoints is (segment, attempt of its run, checkpoint id). A checkpoint id begins
with the time of day of the node that made it, so it orders only what one process wrote.

Segments are read from the newest, as far as needed. A segment whose log is damaged raises
CorruptSegmentError where its content could be the answer: never an older state instead.
"""

import logging
from collections.abc import Collection, Iterator
from operator import attrgetter
from typing import Any, NamedTuple

from agentrun_store.errors import CorruptSegmentError, LogChangedError
from agentrun_store.log import LOOKS, Record
from agentrun_store.names import RunName
from agentrun_store.records import Write, merge_writes, split_writes
from agentrun_store.segment import Segment
from agentrun_store.thread import Thread

logger = logging.getLogger(__name__)


class Found(NamedTuple):
    """A checkpoint in its segment."""

    segment: Segment
    record: Record

    @property
    def order(self) -> tuple[int, int, str]:
        return (self.segment.seq, *_order(self.record))

    @property
    def address(self) -> tuple[str, str, str]:
        """(thread id, namespace, checkpoint id)"""
        meta = self.record.meta
        return meta["thread"], meta["ns"], meta["id"]

    def saw(self, segment: Segment) -> bool:
        """Whether the run that made it saw what is in a segment."""
        hidden = self.record.meta.get("without", ())
        return segment.seq <= self.segment.seq and segment.run not in hidden


class Stored(NamedTuple):
    """All of a checkpoint."""

    meta: dict[str, Any]
    payload: bytes
    writes: list[Write]
    found: Found


class History:
    """The live segments of one thread. Not thread-safe."""

    def __init__(self, thread: Thread, without: Collection[RunName] = ()) -> None:
        """`without`: runs whose segments are as if they were not there."""
        self.thread = thread
        self._without = without
        self.segments = self._seen(thread.segments())
        """Oldest first."""
        self.kept = self._seen(thread.kept())
        """What these need of runs that were rolled back meanwhile, oldest first. Only who asks for
        a checkpoint by its id, as LangGraph does for an ancestor, gets it from here. Listed last:
        it is there before a segment goes."""

    def refresh(self) -> None:
        """Look for what others wrote or removed since."""
        known = {segment.path: segment for segment in (*self.segments, *self.kept)}
        segments, kept = self._seen(self.thread.segments()), self._seen(self.thread.kept())
        self.segments = [known.pop(found.path, found) for found in segments]
        self.kept = [known.pop(found.path, found) for found in kept]
        for segment in (*self.segments, *self.kept):
            segment.refresh()
        for gone in known.values():
            gone.close()

    def _seen(self, segments: list[Segment]) -> list[Segment]:
        return [segment for segment in segments if segment.run not in self._without]

    def segment_of(self, run: RunName) -> Segment:
        """A run's own segment, to write to; a new one when it has none.

        Raises RunRolledBackError, SegmentOrderError, InvalidNameError.
        """
        for segment in self.segments:
            if self.thread.is_own(segment, run):
                self.thread.refuse_rolled_back(run)
                break
        else:
            segment = self.thread.new_segment(run)
            self.segments.append(segment)
        if not segment.is_open:
            self.thread.refuse_disorder(segment)
        return segment

    def last_segment_of(self, run: RunName) -> Segment:
        """The thread's last segment, to write to; a new one when that is another run's.

        Raises RunRolledBackError.
        """
        if not self.segments or self.segments[-1].run != run:
            self.segments.append(self.thread.new_segment(run))
        return self.segments[-1]

    def find(self, thread_id: str, ns: str, checkpoint_id: str) -> Found | None:
        """One checkpoint, which damage in other segments does not hide.

        Raises CorruptSegmentError when it is nowhere, but may be in a segment that is damaged.
        """
        damage: CorruptSegmentError | None = None
        for segment in (*reversed(self.segments), *reversed(self.kept)):
            try:
                by_id = segment.index.checkpoints.get((thread_id, ns), {})
            except CorruptSegmentError as error:
                damage = error
                continue
            if checkpoint_id in by_id:
                return Found(segment, by_id[checkpoint_id])
        if damage is not None:
            raise damage
        return None

    def newest(self, thread_id: str, ns: str) -> Found | None:
        """Raises CorruptSegmentError when a newer one may be in a segment that is damaged."""
        for segment in reversed(self.segments):
            by_id = segment.index.checkpoints.get((thread_id, ns))
            if by_id:
                return Found(segment, max(by_id.values(), key=_order))
        return None

    def checkpoints(self, thread_id: str | None, ns: str | None) -> Iterator[Found]:
        """The checkpoints of a thread id and a namespace (None: of all), newest first.

        Raises CorruptSegmentError on reaching a damaged segment.
        """
        for segment in reversed(self.segments):
            records = [
                record
                for (its_thread, its_ns), by_id in segment.index.checkpoints.items()
                if thread_id in (None, its_thread) and ns in (None, its_ns)
                for record in by_id.values()
            ]
            for record in sorted(records, key=_order, reverse=True):
                yield Found(segment, record)

    def order_of(self, thread_id: str | None, checkpoint_id: str) -> tuple[int, int, str] | None:
        """Where a checkpoint is in the order, whatever its namespace; None when it is unknown."""
        for segment in reversed(self.segments):
            for (its_thread, _), by_id in segment.index.checkpoints.items():
                if thread_id in (None, its_thread) and checkpoint_id in by_id:
                    return Found(segment, by_id[checkpoint_id]).order
        return None

    def parent(self, found: Found) -> Found | None:
        """Raises CorruptSegmentError as `find` does."""
        meta = found.record.meta
        if not meta["parent"]:
            return None
        address = meta["thread"], meta["ns"], meta["parent"]
        parent = self.find(*address)
        if parent is None:  # perhaps a rollback has put it aside since this was listed
            self.refresh()
            parent = self.find(*address)
        return parent

    def line(self, found: Found) -> Iterator[Stored]:
        """The ancestors of a checkpoint, from its parent on.

        Each with those of its writes that its child in this line was made with: if several runs
        have answered at a checkpoint, it may have a child of each. Errors: see `read`; and
        CorruptSegmentError where a checkpoint is its own ancestor.
        """
        passed = set()
        while (parent := self.parent(found)) is not None:
            passed.add(found.address)
            if parent.address in passed:
                raise CorruptSegmentError(
                    parent.segment.log, parent.record.offset, "a checkpoint is its own ancestor"
                )
            stored = self.read(parent, child=found)
            if stored is None:
                return
            yield stored
            found = parent

    def read(self, found: Found, *, child: Found | None = None) -> Stored | None:
        """A checkpoint with its pending writes; None when it is there no more.

        With a `child`, only with those that this was made with. Where a prune or a rollback has
        removed or rewritten what it was found in, it is looked for again. Raises
        CorruptSegmentError; LogChangedError when that happens at every look.
        """
        meta = found.record.meta
        for _ in range(LOOKS):
            try:
                payload = found.segment.payload(found.record)
                return Stored(found.record.meta, payload, self._writes(found, child), found)
            except LogChangedError as error:
                changed = error
            self.refresh()
            there = self.find(meta["thread"], meta["ns"], meta["id"])
            if there is None:
                return None
            found = there
        raise changed

    def _writes(self, found: Found, child: Found | None) -> list[Write]:
        """From the checkpoint's own segment and from those after it.

        A run that resumes another run's checkpoint writes to its own segment.
        """
        meta = found.record.meta
        key = (meta["thread"], meta["ns"], meta["id"])
        return merge_writes(
            write
            for segment in sorted((*self.segments, *self.kept), key=attrgetter("seq"))
            if segment.seq >= found.segment.seq and (child is None or child.saw(segment))
            for record in _write_records(segment, key)
            for write in split_writes(record.meta, segment.payload(record))
        )


def _order(record: Record) -> tuple[int, str]:
    return record.meta["attempt"], record.meta["id"]


def _write_records(segment: Segment, key: tuple[str, str, str]) -> list[Record]:
    try:
        return segment.index.writes.get(key, [])
    except CorruptSegmentError as error:
        # Nobody can know whether it had any. The checkpoint that was asked for is sound.
        logger.warning("pending writes of checkpoint %s may be missing: %s", key[2], error)
        return []
