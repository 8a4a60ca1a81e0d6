"""Reading a thread: the checkpoints of all its live segments.

The order of checkpoints is (segment, attempt of its run, checkpoint id). A checkpoint id begins
with the time of day of the node that made it, so it orders only what one process wrote.

A reader starts with the newest segment and stops when it has the answer. A damaged segment raises
CorruptSegmentError where its content could be the answer: never an older state instead.
"""

import logging
from collections.abc import Collection, Iterator, Sequence
from itertools import chain, takewhile
from operator import attrgetter
from typing import Any, NamedTuple

from .errors import CorruptSegmentError, LogChangedError
from .index import order_of
from .log import MAX_READ_ATTEMPTS, Record
from .names import RunName
from .records import Write, merge_writes, split_writes
from .segment import Segment
from .thread import Thread

logger = logging.getLogger(__name__)


class Found(NamedTuple):
    """A checkpoint in its segment."""

    segment: Segment
    record: Record

    @property
    def order(self) -> tuple[int, int, str]:
        return (self.segment.seq, *order_of(self.record))

    @property
    def address(self) -> tuple[str, str, str]:
        """(thread id, namespace, checkpoint id)"""
        meta = self.record.meta
        return meta["thread"], meta["ns"], meta["id"]

    def saw(self, segment: Segment) -> bool:
        """Whether the run that made the checkpoint saw this segment."""
        hidden = self.record.meta.get("without", ())
        return segment.seq <= self.segment.seq and segment.run not in hidden


class Stored(NamedTuple):
    """A checkpoint with its payload and its pending writes."""

    meta: dict[str, Any]
    payload: bytes
    writes: list[Write]
    found: Found


class History:
    """The live segments of one thread. Not thread-safe."""

    def __init__(self, thread: Thread, without: Collection[RunName] = ()) -> None:
        """`without`: runs whose segments it ignores."""
        self.thread = thread
        self._without = without
        self._listing = thread.listing()
        self._rolled_back: dict[RunName, bool] = {}
        self._own: dict[RunName, Segment] = {}

    def refresh(self) -> None:
        """Read what other processes have written or removed since."""
        before, self._listing = self._listing, self.thread.listing()
        for gone in self._listing.take_over(before):
            gone.close()
        for segment in self._listing.looked_at():
            segment.refresh()
        self._rolled_back.clear()
        self._own.clear()

    def newest_first(self) -> Iterator[Segment]:
        """The segments that count, read one by one."""
        for segment in self._listing.newest_first():
            run = segment.run
            if run in self._without:
                continue
            if run not in self._rolled_back:
                self._rolled_back[run] = self.thread.is_rolled_back(run)
            if not self._rolled_back[run]:
                yield segment

    @property
    def segments(self) -> list[Segment]:
        """The segments that count, oldest first."""
        found = self.thread.live([*self._listing.newest_first()])
        return [segment for segment in reversed(found) if segment.run not in self._without]

    @property
    def kept(self) -> list[Segment]:
        """The kept segments of runs that were rolled back, oldest first. A reader gets a checkpoint
        from them only by its id, as LangGraph requests an ancestor."""
        return [kept for kept in self._listing.kept() if kept.run not in self._without]

    def segment_of(self, run: RunName) -> Segment:
        """A run's own segment, for writing; a new one when it has none.

        Raises RunRolledBackError, SegmentOrderError, InvalidNameError.
        """
        segment = self._own.get(run)
        if segment is None:
            segment = self._own[run] = self.thread.segment_for(run, self._listing)
        else:
            self.thread.refuse_rolled_back(run)
        if not segment.is_open:
            self.thread.refuse_disorder(segment, self._listing)
        return segment

    def last_segment_of(self, run: RunName) -> Segment:
        """The thread's last segment, for writing; a new one when that is another run's.

        Raises RunRolledBackError.
        """
        last = next(self.newest_first(), None)
        return last if last and last.run == run else self.thread.new_segment(run, self._listing)

    def find(self, thread_id: str, ns: str, checkpoint_id: str) -> Found | None:
        """One checkpoint; damage in other segments does not hide it.

        Raises CorruptSegmentError when no sound segment has it, but a damaged one may.
        """
        damage: CorruptSegmentError | None = None
        for segment in chain(self.newest_first(), reversed(self.kept)):
            try:
                record = segment.checkpoint(thread_id, ns, checkpoint_id)
            except CorruptSegmentError as error:
                damage = error
                continue
            if record is not None:
                return Found(segment, record)
        if damage is not None:
            raise damage
        return None

    def newest(self, thread_id: str, ns: str) -> Found | None:
        """Raises CorruptSegmentError when a damaged segment may have a newer one."""
        for segment in self.newest_first():
            record = segment.newest(thread_id, ns)
            if record is not None:
                return Found(segment, record)
        return None

    def checkpoints(
        self, thread_id: str | None, ns: str | None, segments: Sequence[Segment] | None = None
    ) -> Iterator[Found]:
        """The checkpoints of a thread id and a namespace (None: of all), newest first.

        `segments`: only of these, oldest first. Raises CorruptSegmentError on reaching a damaged
        segment.
        """
        for segment in self.newest_first() if segments is None else reversed(segments):
            records = [
                record
                for (its_thread, its_ns), by_id in segment.index.checkpoints.items()
                if thread_id in (None, its_thread) and ns in (None, its_ns)
                for record in by_id.values()
            ]
            for record in sorted(records, key=order_of, reverse=True):
                yield Found(segment, record)

    def order_of(self, thread_id: str | None, checkpoint_id: str) -> tuple[int, int, str] | None:
        """A checkpoint's place in the order, whatever its namespace; None when it is unknown."""
        for segment in self.newest_first():
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
        if parent is None:  # perhaps a rollback has moved it since this was listed
            self.refresh()
            parent = self.find(*address)
        return parent

    def line(self, found: Found) -> Iterator[Stored]:
        """The ancestors of a checkpoint, from its parent on.

        Each has only the writes that its child in this line was made with: if several runs have
        answered at a checkpoint, it may have a child of each. Raises the errors of `read`, and
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
        """A checkpoint with its pending writes; None when it no longer exists.

        With a `child`, only with those that the child was made with. If a prune or a rollback has
        removed or rewritten its log, this searches again. Raises CorruptSegmentError;
        LogChangedError when that happens at every attempt.
        """
        meta = found.record.meta
        for _ in range(MAX_READ_ATTEMPTS):
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
        """The writes from the checkpoint's own segment and from those after it.

        A run that resumes another run's checkpoint writes to its own segment.
        """
        since = found.segment.seq
        later = takewhile(lambda segment: segment.seq >= since, self.newest_first())
        kept = (segment for segment in self.kept if segment.seq >= since)
        return merge_writes(
            write
            for segment in sorted((*later, *kept), key=attrgetter("seq"))
            if child is None or child.saw(segment)
            for record in _write_records(segment, found.address)
            for write in split_writes(record.meta, segment.payload(record))
        )


def _write_records(segment: Segment, address: tuple[str, str, str]) -> list[Record]:
    try:
        return segment.writes_to(*address)
    except CorruptSegmentError as error:
        # This segment may hold some. The checkpoint itself is sound.
        logger.warning("pending writes of checkpoint %s may be missing: %s", address[2], error)
        return []
