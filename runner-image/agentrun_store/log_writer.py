"""Writing the log of one segment: see log.py for the format."""

import os
from collections.abc import Iterable, Iterator
from contextlib import suppress
from pathlib import Path

from . import disk
from .errors import SegmentBusyError, StoreError
from .index import Index
from .log import HEADER, Entry, Record, encode
from .names import RunName

_SMALL = 64 << 10  # bytes: a smaller log gets no room, which it may never need
_MOST_ROOM = 512 << 10  # bytes
_ATTEMPTS = 4096


def write_log(path: Path, run: RunName, entries: Iterable[Entry]) -> None:
    """Make a whole log, in place of the one at `path`, if any."""

    def chunks() -> Iterator[bytes]:
        yield HEADER
        index, offset = Index(), len(HEADER)
        for entry in entries:
            chained = index.chained(entry)
            record, data = encode(run, offset, chained)
            yield data
            index.add(record, chained)
            offset = record.end

    disk.replace_file(path, chunks())


class LogWriter:
    """The one writer of a log. Not thread-safe."""

    def __init__(self, path: Path, run: RunName, end: int, attempt: int) -> None:
        """Open the log, or make it, and truncate it behind its last record, which ends at `end`.
        `attempt`: another number than that of any writer before."""
        self._path = path
        self._run = run
        self._fd = -1
        self._broken = False
        self._end = end
        self._size = end
        self._attempt = attempt
        self._fd = disk.open_regular(path, os.O_RDWR | os.O_CREAT)
        try:
            disk.sync_dir(path.parent)
            if os.fstat(self._fd).st_size > self._end:
                os.ftruncate(self._fd, self._end)
                os.fsync(self._fd)
        except BaseException:
            self.close()
            raise

    def append(self, entry: Entry) -> Record:
        """Add a record; it is on disk when this returns. After an error the log has none of it.

        Raises OSError (a full disk, say), SegmentBusyError, StoreError.
        """
        if self._broken:
            raise StoreError(
                f"{self._path}: an earlier write failed and could not be undone, so the run can "
                f"write no more; check the volume, then create a new run"
            )
        if not self._is_ours():
            raise SegmentBusyError(self._path)
        record, data = encode(self._run, self._end or len(HEADER), entry)
        if self._end == 0:
            data = HEADER + data
        # Until the bytes are on disk or gone again, nothing may be appended after them.
        self._broken = True
        try:
            if record.end > self._size >= _SMALL:
                self._make_room(record.end)
            disk.write_all(self._fd, data, self._end)
            os.fdatasync(self._fd)
        except BaseException:
            with suppress(OSError):
                os.ftruncate(self._fd, self._end)
                os.fsync(self._fd)
                self._size = self._end
                self._broken = False
            raise
        self._broken = False
        self._end = record.end
        self._size = max(self._size, record.end)
        return record

    def _make_room(self, end: int) -> None:
        """Write zeros behind `end`, which readers take for a torn tail. Overwriting them is twice
        as fast as appending: the file system has no new size to sync.

        Two writers notice each other by the size: see `_is_ours`.
        """
        size = end + min(end // 2, _MOST_ROOM)
        size += (self._attempt - size) % _ATTEMPTS
        try:
            disk.write_all(self._fd, bytes(size - self._size), self._size)
        except OSError:  # a full disk may still have room for the record
            os.ftruncate(self._fd, self._size)
            return
        self._size = size

    def status(self) -> os.stat_result:
        """The status of the log's file."""
        return os.fstat(self._fd)

    def _is_ours(self) -> bool:
        """Whether the log is still the file that this writer opened, with the size that it left."""
        try:
            there = self._path.lstat()
        except OSError:
            return False
        return there.st_size == self._size and there.st_ino == os.fstat(self._fd).st_ino

    def close(self) -> None:
        if self._fd >= 0:
            os.close(self._fd)
            self._fd = -1

    def __del__(self) -> None:
        # LangGraph's savers have no close, so the collection of the last user closes the log.
        self.close()
