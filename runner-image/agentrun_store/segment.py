"""One run's part of a thread: the directory `segments/<seq>-<run uid>`, or its kept data."""

import os
from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from itertools import takewhile
from pathlib import Path, PurePath

from . import disk, tree
from .errors import (
    CorruptSegmentError,
    LogChangedError,
    StoreError,
    UnreadableFileError,
)
from .index import Index, order_of
from .log import Entry, Record, Scan, heads, record_at, scan
from .log_writer import LogWriter, write_log
from .names import KEPT, RunName, segment_name
from .payload import check_payload, read_payload
from .records import chain_of, is_valid
from .tail import read_end, records_before

LOG_NAME = "checkpoints.log"
WORKSPACE_NAME = "workspace"
_TRIM_EVERY = 2000  # records that were appended


class Segment:
    """Any process may read it; `append` and `rewrite` are for its one writer. Not thread-safe."""

    def __init__(
        self,
        root: Path,
        segments: PurePath,
        seq: int,
        run: RunName,
        *,
        kept: bool = False,
        given: bool = False,
    ) -> None:
        """The segment `root/segments/<seq>-<run>`, which need not exist.

        `kept`: the data of a rolled-back run that later runs need. No run writes to it.
        `given`: the kubelet has made the directory, and this pod can write to no other.
        """
        self._root = root
        self.kept = kept
        self._given = given
        self._name = segments / ((KEPT if kept else "") + segment_name(seq, run))
        self.path = root / self._name
        self.seq = seq
        self.run = run
        self.log = self.path / LOG_NAME
        self.workspace = self.path / WORKSPACE_NAME
        self._index: Index | None = None
        self._seen: tuple[int, int, int] | None = None  # the log that the index is of
        self._end_at = 0  # where the record after those of the index goes
        self._writer: LogWriter | None = None
        self._attempt = 0
        self._since_trimmed = 0

    def make(self) -> None:
        """Make the directory, on disk when this returns."""
        if not self._given:
            disk.make_dirs(self._root, self._name)
        elif not self.path.is_dir():
            raise StoreError(f"{self.path} is missing: the pod must mount the run's own segment")
        else:
            disk.sync_given_dirs(self._root, self._name)

    def is_empty(self) -> bool:
        """Whether it holds nothing of a run."""
        return not (self.has(LOG_NAME) or self.has(WORKSPACE_NAME))

    def has(self, name: str) -> bool:
        """Whether there is anything of that name in it; True also if that cannot be read."""
        try:
            (self.path / name).lstat()
        except (FileNotFoundError, NotADirectoryError):
            return False
        except OSError:
            return True
        return True

    @property
    def is_open(self) -> bool:
        """Whether this process has its log open for writing."""
        return self._writer is not None

    def scan(self) -> Scan:
        """The log as it is, however damaged."""
        found = scan(self.log, self.run)
        for number, record in enumerate(found.records):
            if not is_valid(record):
                damage = CorruptSegmentError(
                    self.log, record.offset, "the store writes no such record"
                )
                sound = found.records[:number]
                return found._replace(records=sound, end=record.offset, damage=damage)
        return found

    def heads(self) -> Iterator[Record]:
        """The sound records at the start of the log, not all in memory at once.

        Raises UnreadableFileError, OSError.
        """
        return takewhile(is_valid, heads(self.log, self.run))

    @property
    def index(self) -> Index:
        """The index of all of the log. Raises CorruptSegmentError when the log is damaged."""
        if self._index is None or not self._index.is_complete:
            self._index = self._read_all()[0]
        return self._index

    def newest(self, thread_id: str, ns: str) -> Record | None:
        """The newest checkpoint of a thread id and a namespace.

        This and the next methods read the log from its end, as far as needed. They raise
        CorruptSegmentError for damage in the part that they read.
        """
        return self._known(lambda index: index.newest(thread_id, ns) is not None).newest(
            thread_id, ns
        )

    def checkpoint(self, thread_id: str, ns: str, checkpoint_id: str) -> Record | None:
        """The checkpoint of this id."""
        key = thread_id, ns
        index = self._known(lambda index: checkpoint_id in index.checkpoints.get(key, ()))
        return index.checkpoints.get(key, {}).get(checkpoint_id)

    def writes_to(self, thread_id: str, ns: str, checkpoint_id: str) -> list[Record]:
        """The pending writes to a checkpoint of this segment, or of an older one; oldest first."""
        # Writes come after their checkpoint, if that is in this log: see `Chain.mixed`.
        key = thread_id, ns
        index = self._known(lambda index: checkpoint_id in index.checkpoints.get(key, ()))
        return index.writes.get((*key, checkpoint_id), [])

    def newest_of_graph(self) -> Record | None:
        """The newest checkpoint of the graph itself, not of a subgraph."""

        def newest(index: Index) -> list[Record]:
            return [
                max(by_id.values(), key=order_of)
                for (_, ns), by_id in index.checkpoints.items()
                if ns == "" and by_id
            ]

        return max(
            newest(self._known(lambda index: bool(newest(index)))), key=order_of, default=None
        )

    def count(self) -> int:
        """The number of its checkpoints, also those of subgraphs."""
        return self._known(lambda _: True).count

    def _known(self, is_enough: Callable[[Index], bool]) -> Index:
        """The index, read towards the log's start until it `is_enough`, or of all of the log."""
        if self._index is None:
            self._index = self._read_end()[0]
        if not (self._index.is_complete or is_enough(self._index)):
            self._read_on(self._index, is_enough)
        return self._index

    def _read_on(self, index: Index, is_enough: Callable[[Index], bool]) -> None:
        """Read the log towards its start."""
        with suppress(UnreadableFileError, OSError):  # `scan` names the cause
            fd = disk.open_regular(self.log)
            try:
                if self._seen is not None and os.fstat(fd).st_ino == self._seen[0]:
                    for record in records_before(fd, self.run, index.below, index.start):
                        chain = None if record is None else chain_of(record.meta)
                        if record is None or chain is None:
                            break
                        index.add_before(record, chain)
                        if is_enough(index):
                            return
                    else:
                        return
            finally:
                os.close(fd)
        self._index = self._read_all()[0]

    def counted(self) -> int | None:
        """`count`, if the end of the log says it; None if only reading all of the log would."""
        found = self._end()
        return None if found is None else found[0].count

    def _read_end(self) -> tuple[Index, int]:
        """The index of the end of the log, and the offset of its next record."""
        return self._end() or self._read_all()

    def _end(self) -> tuple[Index, int] | None:
        with suppress(UnreadableFileError, OSError):  # `scan` names the cause
            fd = disk.open_regular(self.log)
            try:
                status = os.fstat(fd)
                found = read_end(fd, self.run, status.st_size)
            finally:
                os.close(fd)
            if found is not None:
                self._seen, self._end_at = _identity(status), found[1]
            return found
        return None

    def _read_all(self) -> tuple[Index, int]:
        self._seen = self._fingerprint()
        found = self.scan()
        if found.damage is not None:
            raise found.damage
        self._end_at = found.end
        index = Index()
        for record in found.records:
            index.add(record)
        return index, found.end

    def refresh(self) -> None:
        """Forget the index when the log has changed since."""
        if self._index is not None and (self._seen != self._fingerprint() or self._has_more()):
            self._index = None

    def _has_more(self) -> bool:
        """Whether a record follows those of the index in a log that looks unchanged: it may have
        room for more, and the times of some file systems are coarse."""
        if self._writer is not None or self._seen is None or self._seen[1] <= self._end_at:
            return False
        with suppress(UnreadableFileError, OSError):
            fd = disk.open_regular(self.log)
            try:
                return record_at(fd, self.run, self._end_at, self._seen[1]) is not None
            finally:
                os.close(fd)
        return True

    def payload(self, record: Record) -> bytes:
        """Raises CorruptSegmentError; LogChangedError if another process changed the log."""
        try:
            return read_payload(self.log, self.run, record)
        except LogChangedError:
            self._index = None
            raise

    def verify(self, record: Record) -> None:
        """`payload` in bounded memory: it returns nothing."""
        check_payload(self.log, self.run, record)

    def entry(self, record: Record) -> Entry:
        """A record with its payload. Raises CorruptSegmentError, LogChangedError."""
        return Entry(record.kind, record.meta, self.payload(record))

    def append(self, entry: Entry) -> None:
        """Add to the log; on disk when this returns. Errors: see LogWriter."""
        if self._writer is None:
            self.make()
            self._index, end = self._read_end()
            self._attempt = self._index.attempt + 1
            self._writer = LogWriter(self.log, self.run, end, self._attempt)
        index = self._known(lambda _: True)
        entry = entry._replace(meta={**entry.meta, "attempt": self._attempt})
        chained = index.chained(entry)
        index.add(self._writer.append(chained), chained)
        self._seen = _identity(self._writer.status())
        self._since_trimmed += 1
        if self._since_trimmed % _TRIM_EVERY == 0:
            self._index = index.trimmed()

    def rewrite(self, entries: Iterable[Entry]) -> None:
        """Replace the log by one with only these entries. The space of the old one is free."""
        self.close()
        self.make()
        write_log(self.log, self.run, entries)

    def copy_log(self, other: "Segment") -> None:
        """Replace this log by a copy of another segment's log, whatever it holds."""
        self.make()
        fd = disk.open_regular(other.log)
        try:
            with disk.replacement(self.log) as copy:
                disk.copy_data(fd, copy)
        finally:
            os.close(fd)

    def link_log(self, other: "Segment") -> None:
        """`copy_log` in no time: both share the log, until the other segment is removed."""
        self.make()
        os.close(disk.open_regular(other.log))
        new = self.log.with_name(f".{LOG_NAME}.new")  # as `disk.replacement` names it
        tree.remove(new)
        new.hardlink_to(other.log)
        if self.log.is_dir() and not self.log.is_symlink():
            tree.remove(self.log)
        new.replace(self.log)  # what another clean-up has kept stays until then
        tree.remove(new)  # still there if both were links to one file
        disk.sync_dir(self.path)

    def close(self) -> None:
        """Close the log and forget what was read. The next call opens it again."""
        if self._writer is not None:
            self._writer.close()
            self._writer = None
        self._index = None

    def _fingerprint(self) -> tuple[int, int, int] | None:
        try:
            log = self.log.lstat()
        except OSError:
            return None
        return _identity(log)


def _identity(log: os.stat_result) -> tuple[int, int, int]:
    return log.st_ino, log.st_size, log.st_mtime_ns
