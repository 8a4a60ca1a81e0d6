"""One run's part of a thread: the directory `segments/<seq>-<run uid>`, or what is kept of it."""

import os
from collections.abc import Iterable, Iterator
from itertools import takewhile
from pathlib import Path, PurePath

from agentrun_store import disk, tree
from agentrun_store.errors import CorruptSegmentError, LogChangedError, StoreError
from agentrun_store.log import Entry, Record, Scan, heads, scan
from agentrun_store.log_writer import LogWriter, write_log
from agentrun_store.names import KEPT, RunName, segment_name
from agentrun_store.payload import check_payload, read_payload
from agentrun_store.records import Kind, is_valid

LOG_NAME = "checkpoints.log"
WORKSPACE_NAME = "workspace"


class Index:
    """Where everything in one log is."""

    def __init__(self) -> None:
        self.checkpoints: dict[tuple[str, str], dict[str, Record]] = {}
        """(thread id, namespace) -> checkpoint id -> its record, the last one put."""
        self.writes: dict[tuple[str, str, str], list[Record]] = {}
        """(thread id, namespace, checkpoint id) -> its records of pending writes, oldest first."""
        self.attempt = 0
        """The highest attempt seen: each opening for writing is a new one."""

    def add(self, record: Record) -> None:
        meta = record.meta
        thread_id, ns, checkpoint_id = meta["thread"], meta["ns"], meta["id"]
        self.attempt = max(self.attempt, meta["attempt"])
        if record.kind == Kind.CHECKPOINT:
            self.checkpoints.setdefault((thread_id, ns), {})[checkpoint_id] = record
        else:
            self.writes.setdefault((thread_id, ns, checkpoint_id), []).append(record)

    def records(self) -> list[Record]:
        """All records that count, oldest first."""
        puts = [record for by_id in self.checkpoints.values() for record in by_id.values()]
        writes = [record for batch in self.writes.values() for record in batch]
        return sorted(puts + writes, key=lambda record: record.offset)


class Segment:
    """Read by anybody; `append` and `rewrite` are for its one writer. Not thread-safe."""

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
        """The segment `root/segments/<seq>-<run>`, which need not be there.

        `kept`: what later runs need of a run that was rolled back. No run writes to it.
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
        self._writer: LogWriter | None = None
        self._attempt = 0

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
        """Whether there is anything of that name in it. What cannot be looked at counts."""
        try:
            (self.path / name).lstat()
        except (FileNotFoundError, NotADirectoryError):
            return False
        except OSError:
            return True
        return True

    @property
    def is_open(self) -> bool:
        """Whether it is being written to."""
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
        """Built at first use. Raises CorruptSegmentError when parts of the log cannot be found."""
        if self._index is None:
            self._seen = self._fingerprint()
            found = self.scan()
            if found.damage is not None:
                raise found.damage
            self._index = _index_of(found.records)
        return self._index

    def refresh(self) -> None:
        """Forget the index when the log has changed since."""
        if self._index is not None and self._seen != self._fingerprint():
            self._index = None

    def payload(self, record: Record) -> bytes:
        """Raises CorruptSegmentError; LogChangedError when others removed or rewrote the log."""
        try:
            return read_payload(self.log, self.run, record)
        except LogChangedError:
            self._index = None
            raise

    def verify(self, record: Record) -> None:
        """`payload`, without having all of it in memory."""
        check_payload(self.log, self.run, record)

    def entry(self, record: Record) -> Entry:
        """A record with its payload. Raises CorruptSegmentError, LogChangedError."""
        return Entry(record.kind, record.meta, self.payload(record))

    def append(self, entry: Entry) -> None:
        """Add to the log; on disk when this returns. Errors: see LogWriter."""
        if self._writer is None:
            self.make()
            self._writer = LogWriter(self.log, self.run)
            self._index = _index_of(self._writer.records)
            self._attempt = self._index.attempt + 1
        index = self.index
        record = self._writer.append(entry._replace(meta={**entry.meta, "attempt": self._attempt}))
        index.add(record)
        self._seen = self._fingerprint()

    def rewrite(self, entries: Iterable[Entry]) -> None:
        """Make these the whole log. The rest of it is gone, and its space is free."""
        self.close()
        self.make()
        write_log(self.log, self.run, entries)

    def copy_log(self, other: "Segment") -> None:
        """Make the log of another segment of the run, whatever it holds, the log of this one."""
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
        tree.remove(self.log)
        self.log.hardlink_to(other.log)
        disk.sync_dir(self.path)

    def close(self) -> None:
        """Stop writing and forget what was read; both go on when asked for again."""
        if self._writer is not None:
            self._writer.close()
            self._writer = None
        self._index = None

    def _fingerprint(self) -> tuple[int, int, int] | None:
        try:
            log = self.log.lstat()
        except OSError:
            return None
        return log.st_ino, log.st_size, log.st_mtime_ns


def _index_of(records: list[Record]) -> Index:
    index = Index()
    for record in records:
        index.add(record)
    return index
