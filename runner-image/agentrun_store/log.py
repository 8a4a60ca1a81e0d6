"""The append-only log of one segment: the format, and reading it.

    file    = HEADER record*
    record  = magic, kind, length of meta, length of payload, CRC of payload, CRC of all before
              and of meta (little endian, `_HEAD`); meta (JSON); payload (the serializer's bytes)

Both CRCs start from the run's name and the record's offset, so a record is valid in its own place
only: bytes of another log, even inside a payload, are never taken for a record of this one.

An append is one write and one fdatasync, so a crash can leave one bad record, the last. A bad
record with no valid one after it is that torn tail, and dropped. A bad record with a valid one
after it was acknowledged once: that is damage, and reported.
"""

import errno
import json
import os
import re
import struct
from pathlib import Path
from typing import Any, NamedTuple
from zlib import crc32

from agentrun_store.errors import CorruptSegmentError, LogChangedError
from agentrun_store.names import RunName

HEADER = b"AgentRun log 01\n"
_OTHER_VERSION = re.compile(rb"AgentRun log [0-9]{2}\n")
_MAGIC = b"\xa5REC"
_HEAD = struct.Struct("<4sIIQII")
_CRC = struct.Struct("<I")
_CHECKED = _HEAD.size - _CRC.size  # the part of the head that its own CRC covers
_FIRST_READ = 1024  # bytes: the head and nearly every meta in one read
_STEP = 1 << 20  # bytes

LOOKS = 3
"""How often a reader looks at what others replace or remove meanwhile, before it gives up."""


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
    size: int
    """Of the whole file."""


def scan(path: Path, run: RunName) -> Scan:
    """Read all heads and metas of a log, which may be growing. A missing log is an empty one.

    Raises LogChangedError when it is another one at every look.
    """
    for _ in range(LOOKS):
        try:
            return _scan_file(path, run)
        except FileNotFoundError:
            return Scan([], 0, None, 0)
        except OSError as error:
            # So NFS says that the file was removed on another node.
            if error.errno != errno.ESTALE:
                raise
    raise LogChangedError(path)


def _scan_file(path: Path, run: RunName) -> Scan:
    fd = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC)
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
    """Read and check one payload.

    Raises CorruptSegmentError, and LogChangedError when the record is not in the log any more.
    """
    try:
        fd = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC)
        try:
            payload = _read(fd, record.payload_length, record.payload_at)
            if _is_sound(payload, run, record):
                return payload
            there = _record_at(fd, run, record.offset, os.fstat(fd).st_size)
        finally:
            os.close(fd)
    except OSError as error:
        if error.errno in (errno.ENOENT, errno.ESTALE):
            raise LogChangedError(path) from None
        raise
    if there is None or (there.end, there.payload_crc) != (record.end, record.payload_crc):
        raise LogChangedError(path)
    raise CorruptSegmentError(path, record.offset, "the payload of this record is damaged")


def _seed(run: RunName, offset: int) -> int:
    return crc32(offset.to_bytes(8, "little"), crc32(run.encode()))


def _payload_crc(payload: bytes, run: RunName, offset: int) -> int:
    return crc32(payload, _seed(run, offset))


def _is_sound(payload: bytes, run: RunName, record: Record) -> bool:
    return (
        len(payload) == record.payload_length
        and _payload_crc(payload, run, record.offset) == record.payload_crc
    )


def encode(run: RunName, offset: int, entry: Entry) -> tuple[Record, bytes]:
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
        return Scan([], 0, unknown, size)
    records: list[Record] = []
    end = 0
    if header == HEADER:
        end = len(HEADER)
        while (record := _record_at(fd, run, end, size)) is not None:
            records.append(record)
            end = record.end
        if records and end == size:
            last = records[-1]
            if not _has_sound_payload(fd, run, last):
                records.pop()
                return Scan(records, last.offset, None, size)
    damage = None
    if _record_after(fd, run, end, size):
        damage = CorruptSegmentError(path, end, "the record here is damaged")
    return Scan(records, end, damage, size)


def _has_sound_payload(fd: int, run: RunName, record: Record) -> bool:
    """Step by step: who only rolls a run back may have less memory than the run had."""
    crc = _seed(run, record.offset)
    for at in range(record.payload_at, record.end, _STEP):
        crc = crc32(_read(fd, min(_STEP, record.end - at), at), crc)
    return crc == record.payload_crc


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
    for start in range(offset + 1, size, _STEP):
        block = _read(fd, _STEP + overlap, start)
        at = block.find(_MAGIC)
        while at >= 0:
            if _record_at(fd, run, start + at, size) is not None:
                return True
            at = block.find(_MAGIC, at + 1)
    return False
