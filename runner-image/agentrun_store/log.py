"""The append-only log of one segment: the format, reading it, and its one writer.

    file    = HEADER record*
    record  = magic, kind, length of meta, length of payload, CRC of payload, CRC of all before
              and of meta (little endian, `_HEAD`); meta (JSON); payload (the serializer's bytes)

Both CRCs start from the run's name and the record's offset, so a record is valid in its own place
only: bytes of another log, even inside a payload, are never taken for a record of this one.

An append is one write and one fdatasync, so a crash can leave one bad record, the last. A bad
record with no valid one after it is that torn tail, and dropped. A bad record with a valid one
after it was acknowledged once: that is damage, and reported.
"""

import json
import os
import re
import struct
from collections.abc import Iterable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any, NamedTuple
from zlib import crc32

from agentrun_store import disk
from agentrun_store.errors import CorruptSegmentError, SegmentBusyError, StoreError
from agentrun_store.names import RunName

HEADER = b"AgentRun log 01\n"
_OTHER_VERSION = re.compile(rb"AgentRun log [0-9]{2}\n")
_MAGIC = b"\xa5REC"
_HEAD = struct.Struct("<4sIIQII")
_CRC = struct.Struct("<I")
_CHECKED = _HEAD.size - _CRC.size  # the part of the head that its own CRC covers
_FIRST_READ = 1024  # bytes: the head and nearly every meta in one read
_SEARCH_STEP = 1 << 20  # bytes


class Entry(NamedTuple):
    """What a caller writes."""

    kind: int
    meta: dict[str, Any]
    payload: bytes


class Record(NamedTuple):
    """A record whose head and meta were checked; its payload was not read yet."""

    kind: int
    meta: dict[str, Any]
    offset: int
    payload_at: int
    payload_length: int
    payload_crc: int

    @property
    def end(self) -> int:
        return self.payload_at + self.payload_length


class Scan(NamedTuple):
    """What a log holds."""

    records: list[Record]
    end: int
    """Where the sound part ends, and the next record goes."""
    damage: CorruptSegmentError | None
    """Set when valid records follow after `end`."""


def scan(path: Path, run: RunName) -> Scan:
    """Read all heads and metas of a log, which may be growing. A missing log is an empty one."""
    try:
        fd = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC)
    except FileNotFoundError:
        return Scan([], 0, None)
    try:
        found = _scan(fd, path, run)
        # A writer that finishes the bad record and appends another while we look makes the first
        # look damaged: damage is what is still there, in the same place, at a second look.
        while found.damage is not None:
            before, found = found, _scan(fd, path, run)
            if found.end == before.end:
                break
        return found
    finally:
        os.close(fd)


def read_payload(path: Path, run: RunName, record: Record) -> bytes:
    """Read and check one payload. Raises CorruptSegmentError."""
    fd = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC)
    try:
        payload = _read(fd, record.payload_length, record.payload_at)
    finally:
        os.close(fd)
    if not _is_sound(payload, run, record):
        raise CorruptSegmentError(path, record.offset, "the payload of this record is damaged")
    return payload


def write_log(path: Path, run: RunName, entries: Iterable[Entry]) -> None:
    """Make a whole log, in place of the one at `path`, if any."""

    def chunks() -> Iterator[bytes]:
        yield HEADER
        offset = len(HEADER)
        for entry in entries:
            record, data = _encode(run, offset, entry)
            yield data
            offset = record.end

    disk.replace_file(path, chunks())


class LogWriter:
    """The one writer of a log. Callers keep their threads apart."""

    def __init__(self, path: Path, run: RunName) -> None:
        """Open the log, or make it, and cut off a torn tail. Raises CorruptSegmentError."""
        self._path = path
        self._run = run
        self._fd = -1
        self._broken = False
        found = scan(path, run)
        if found.damage is not None:
            raise found.damage
        self.records = found.records
        """The records found, oldest first."""
        self._end = found.end
        flags = os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC
        self._fd = os.open(path, flags, 0o666)
        try:
            disk.sync_dir(path.parent)
            if os.fstat(self._fd).st_size > self._end:
                os.ftruncate(self._fd, self._end)
                os.fsync(self._fd)
        except BaseException:
            self.close()
            raise

    def append(self, entry: Entry) -> Record:
        """Add a record; it is on disk when this returns. On an error it is not there at all.

        Raises OSError (a full disk, say), SegmentBusyError, StoreError.
        """
        if self._broken:
            raise StoreError(
                f"{self._path}: an earlier write failed and could not be taken back, so no more "
                f"is written; look after the volume, then start the run again"
            )
        if not self._is_ours():
            raise SegmentBusyError(self._path)
        record, data = _encode(self._run, self._end or len(HEADER), entry)
        if self._end == 0:
            data = HEADER + data
        # Until the bytes are on disk or gone again, nothing may be appended after them.
        self._broken = True
        try:
            disk.write_all(self._fd, data, self._end)
            os.fdatasync(self._fd)
        except BaseException:
            with suppress(OSError):
                os.ftruncate(self._fd, self._end)
                os.fsync(self._fd)
                self._broken = False
            raise
        self._broken = False
        self._end = record.end
        return record

    def _is_ours(self) -> bool:
        """Whether the log is still the file that we opened, as we left it."""
        try:
            there = self._path.stat()
        except FileNotFoundError:
            return False
        return there.st_size == self._end and there.st_ino == os.fstat(self._fd).st_ino

    def close(self) -> None:
        if self._fd >= 0:
            os.close(self._fd)
            self._fd = -1

    def __del__(self) -> None:
        # LangGraph's savers have no close: the log is closed with its last user.
        self.close()


def _seed(run: RunName, offset: int) -> int:
    return crc32(offset.to_bytes(8, "little"), crc32(run.encode()))


def _payload_crc(payload: bytes, run: RunName, offset: int) -> int:
    return crc32(payload, _seed(run, offset))


def _is_sound(payload: bytes, run: RunName, record: Record) -> bool:
    return (
        len(payload) == record.payload_length
        and _payload_crc(payload, run, record.offset) == record.payload_crc
    )


def _encode(run: RunName, offset: int, entry: Entry) -> tuple[Record, bytes]:
    meta = json.dumps(entry.meta, separators=(",", ":")).encode()
    length, crc = len(entry.payload), _payload_crc(entry.payload, run, offset)
    head = _HEAD.pack(_MAGIC, entry.kind, len(meta), length, crc, 0)[:_CHECKED]
    head += _CRC.pack(crc32(meta, crc32(head, _seed(run, offset))))
    payload_at = offset + len(head) + len(meta)
    # The meta as a reader gets it: not the caller's own object, which the caller may change.
    record = Record(entry.kind, json.loads(meta), offset, payload_at, length, crc)
    return record, b"".join((head, meta, entry.payload))


def _read(fd: int, length: int, offset: int) -> bytes:
    """Up to `length` bytes, fewer only at the end of the file: one pread may return less."""
    data = os.pread(fd, length, offset)
    while len(data) < length and (more := os.pread(fd, length - len(data), offset + len(data))):
        data += more
    return data


def _scan(fd: int, path: Path, run: RunName) -> Scan:
    size = os.fstat(fd).st_size
    header = _read(fd, len(HEADER), 0)
    if header != HEADER and _OTHER_VERSION.fullmatch(header):
        unknown = CorruptSegmentError(path, 0, "this version of the store cannot read the format")
        return Scan([], 0, unknown)
    records: list[Record] = []
    end = 0
    if header == HEADER:
        end = len(HEADER)
        while (record := _record_at(fd, run, end, size)) is not None:
            records.append(record)
            end = record.end
        if records and end == size:
            last = records[-1]
            if not _is_sound(_read(fd, last.payload_length, last.payload_at), run, last):
                records.pop()
                return Scan(records, last.offset, None)
    if _record_after(fd, run, end, size):
        return Scan(records, end, CorruptSegmentError(path, end, "the record here is damaged"))
    return Scan(records, end, None)


def _record_at(fd: int, run: RunName, offset: int, size: int) -> Record | None:
    """The record that starts at `offset`, if there is a whole and valid one."""
    block = _read(fd, _FIRST_READ, offset)
    if len(block) < _HEAD.size or not block.startswith(_MAGIC):
        return None
    _, kind, meta_length, payload_length, payload_crc, crc = _HEAD.unpack_from(block)
    payload_at = offset + _HEAD.size + meta_length
    if payload_at + payload_length > size:
        return None
    meta = block[_HEAD.size : _HEAD.size + meta_length]
    if len(meta) < meta_length:
        meta = _read(fd, meta_length, offset + _HEAD.size)
    if crc32(meta, crc32(block[:_CHECKED], _seed(run, offset))) != crc:
        return None
    try:
        decoded = json.loads(meta)
    except (ValueError, RecursionError):  # no writer of ours; an agent can write anything
        return None
    return Record(kind, decoded, offset, payload_at, payload_length, payload_crc)


def _record_after(fd: int, run: RunName, offset: int, size: int) -> bool:
    """Whether any valid record starts after `offset`."""
    overlap = len(_MAGIC) - 1
    for start in range(offset + 1, size, _SEARCH_STEP):
        block = _read(fd, _SEARCH_STEP + overlap, start)
        at = block.find(_MAGIC)
        while at >= 0:
            if _record_at(fd, run, start + at, size) is not None:
                return True
            at = block.find(_MAGIC, at + 1)
    return False
