"""The append-only log of one segment: the format, and reading it.

    file    = HEADER record*
    record  = magic, kind, length of meta, length of payload, CRC of payload, CRC of all before
              and of meta (little endian, `_HEAD`); meta (JSON); payload (the serializer's bytes)

Both CRCs start from the run's name and the record's offset, so a record is valid in its own place
only: bytes of another log, even inside a payload, are never taken for a record of this one.

An append is one write and one fdatasync, so a crash can leave one bad record, the last. Behind it
there may be zeros, which the next records overwrite: see `log_writer`. A bad record with no valid
one after it is that torn tail, and readers drop it. A bad record with a valid one after it was
acknowledged once: readers report it as damage. They do so too for anything that an agent has put in
the place of its log, and read it in bounded pieces, whatever lengths it claims.
"""

import errno
import json
import os
import re
import struct
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple
from zlib import crc32

from . import disk
from .errors import (
    CorruptSegmentError,
    LogChangedError,
    StoreError,
    UnreadableFileError,
)
from .names import RunName

HEADER = b"AgentRun log 01\n"
_OTHER_VERSION = re.compile(rb"AgentRun log [0-9]{2}\n")
MAGIC = b"\xa5REC"
_HEAD = struct.Struct("<4sIIQII")
_CRC = struct.Struct("<I")
_CHECKED = _HEAD.size - _CRC.size  # the part of the head that its own CRC covers
_to_json = json.JSONEncoder(separators=(",", ":")).encode
_FIRST_READ = 1024  # bytes: the head and nearly every meta in one read
_STEP = 1 << 20  # bytes

MAX_META = 4 << 20
"""Bytes. Decoded JSON takes some 20 times as much memory."""

MAX_PAYLOAD = 1 << 30
"""Bytes, as in SQLite and Postgres: a reader has a checkpoint in memory as a whole."""

MAX_RECORD = _HEAD.size + MAX_META + MAX_PAYLOAD
# Behind a bad record, a reader searches so much for a valid one. Only an agent writes more.
_MAX_HEADS = 100_000
_MAX_HEADS_BYTES = 256 << 20

MAX_READ_ATTEMPTS = 3
"""How often a reader tries to read a file that other processes replace or remove."""


class Entry(NamedTuple):
    """A record as its writer gives it."""

    kind: int
    meta: dict[str, Any]
    payload: bytes


class Record:
    """A record whose head and meta were checked; its payload was not read yet."""

    __slots__ = ("_meta", "_text", "kind", "offset", "payload_at", "payload_crc", "payload_length")

    def __init__(
        self, kind: int, text: bytes, offset: int, payload_at: int, length: int, crc: int
    ) -> None:
        """`text`: the meta, as JSON."""
        self.kind = kind
        self.offset = offset
        self.payload_at = payload_at
        self.payload_length = length
        self.payload_crc = crc
        self._text = text
        self._meta: Any = None

    @property
    def meta(self) -> Any:
        """A decoded copy, not the writer's own object, which its caller may change. A run writes
        thousands and reads few of them back, so it is decoded on demand."""
        if self._meta is None:
            self._meta = json.loads(self._text)
        return self._meta

    @property
    def end(self) -> int:
        return self.payload_at + self.payload_length


class Scan(NamedTuple):
    """The content of a log."""

    records: list[Record]
    end: int
    """The offset where the sound part ends and the next record begins."""
    damage: CorruptSegmentError | None
    """Set when valid records follow after `end`."""
    size: int
    """Of the whole file."""


def scan(path: Path, run: RunName) -> Scan:
    """Read all heads and metas of a log, which may be growing. A missing log is an empty one.

    Raises LogChangedError when another process replaces it at every attempt.
    """
    for _ in range(MAX_READ_ATTEMPTS):
        try:
            return _scan_file(path, run)
        except FileNotFoundError:
            return Scan([], 0, None, 0)
        except OSError as error:
            # NFS: the file was removed on another node.
            if error.errno != errno.ESTALE:
                raise
    raise LogChangedError(path)


def _scan_file(path: Path, run: RunName) -> Scan:
    try:
        fd = disk.open_regular(path)
    except UnreadableFileError as error:
        return Scan([], 0, no_log(path, error), 0)
    try:
        found = _scan(fd, path, run)
        # A writer may finish the bad record and append another during this read, and the first one
        # would look damaged. So a bad record is damage only if a second read finds it there too.
        while found.damage is not None:
            before, found = found, _scan(fd, path, run)
            if found.end == before.end:
                break
        return found
    finally:
        os.close(fd)


def heads(path: Path, run: RunName) -> Iterator[Record]:
    """The records from the first to the first bad one, not all in memory at once.

    Raises UnreadableFileError, OSError.
    """
    fd = disk.open_regular(path)
    try:
        size, end = os.fstat(fd).st_size, len(HEADER)
        last: Record | None = None
        while (record := record_at(fd, run, end, size)) is not None:
            if last is not None:
                yield last
            last, end = record, record.end
        if last is not None and has_sound_payload(fd, run, last):
            yield last
    finally:
        os.close(fd)


def _seed(run: RunName, offset: int) -> int:
    return crc32(offset.to_bytes(8, "little"), crc32(run.encode()))


def _payload_crc(payload: bytes, run: RunName, offset: int) -> int:
    return crc32(payload, _seed(run, offset))


def is_sound(payload: bytes, run: RunName, record: Record) -> bool:
    return (
        len(payload) == record.payload_length
        and _payload_crc(payload, run, record.offset) == record.payload_crc
    )


def no_log(path: Path, error: UnreadableFileError) -> CorruptSegmentError:
    return CorruptSegmentError(path, 0, f"the log cannot be read: {error.why}")


def encode(run: RunName, offset: int, entry: Entry) -> tuple[Record, bytes]:
    meta = _to_json(entry.meta).encode()
    if len(meta) > MAX_META or len(entry.payload) > MAX_PAYLOAD:
        raise StoreError(
            f"a record of {len(meta)} and {len(entry.payload)} bytes: the store takes {MAX_META} "
            f"bytes of metadata, and of state {MAX_PAYLOAD}; keep large data outside of the "
            f"graph's state"
        )
    length, crc = len(entry.payload), _payload_crc(entry.payload, run, offset)
    head = _HEAD.pack(MAGIC, entry.kind, len(meta), length, crc, 0)[:_CHECKED]
    head += _CRC.pack(crc32(meta, crc32(head, _seed(run, offset))))
    payload_at = offset + len(head) + len(meta)
    record = Record(entry.kind, meta, offset, payload_at, length, crc)
    return record, b"".join((head, meta, entry.payload))


def _scan(fd: int, path: Path, run: RunName) -> Scan:
    size = os.fstat(fd).st_size
    header = read(fd, len(HEADER), 0)
    if header != HEADER and _OTHER_VERSION.fullmatch(header):
        unknown = CorruptSegmentError(path, 0, "this version of the store cannot read the format")
        return Scan([], 0, unknown, size)
    records: list[Record] = []
    end = 0
    if header == HEADER:
        end = len(HEADER)
        while (record := record_at(fd, run, end, size)) is not None:
            records.append(record)
            end = record.end
    damage = None
    if _record_after(fd, run, end, size):
        damage = CorruptSegmentError(path, end, "the record here is damaged")
    elif records and not has_sound_payload(fd, run, records[-1]):
        end = records.pop().offset
    return Scan(records, end, damage, size)


def read(fd: int, length: int, offset: int) -> bytes:
    """Up to `length` bytes, fewer only at the end of the file: one pread may return less."""
    data = os.pread(fd, length, offset)
    while len(data) < length and (more := os.pread(fd, length - len(data), offset + len(data))):
        data += more
    return data


def record_at(fd: int, run: RunName, offset: int, size: int) -> Record | None:
    """The record that starts at `offset`; None if there is no whole and valid one."""
    return record_in(partial(read, fd), run, offset, size)


def record_in(
    read: Callable[[int, int], bytes], run: RunName, offset: int, size: int
) -> Record | None:
    """`record_at` for a file of which `read(length, offset)` returns bytes."""
    block = read(_FIRST_READ, offset)
    if len(block) < _HEAD.size or not block.startswith(MAGIC):
        return None
    _, kind, meta_length, payload_length, payload_crc, crc = _HEAD.unpack_from(block)
    payload_at = offset + _HEAD.size + meta_length
    if meta_length > MAX_META or payload_length > MAX_PAYLOAD or payload_at + payload_length > size:
        return None
    meta = block[_HEAD.size : _HEAD.size + meta_length]
    if len(meta) < meta_length:
        meta = read(meta_length, offset + _HEAD.size)
    if crc32(meta, crc32(block[:_CHECKED], _seed(run, offset))) != crc:
        return None
    record = Record(kind, meta, offset, payload_at, payload_length, payload_crc)
    try:
        _ = record.meta
    except (ValueError, RecursionError):  # an agent's own bytes
        return None
    return record


def has_sound_payload(fd: int, run: RunName, record: Record) -> bool:
    """Reads it step by step: a clean-up has less memory than the run had."""
    crc = _seed(run, record.offset)
    for at in range(record.payload_at, record.end, _STEP):
        block = read(fd, min(_STEP, record.end - at), at)
        crc = crc32(block, crc)
    return crc == record.payload_crc


def _record_after(fd: int, run: RunName, offset: int, size: int) -> bool:
    """Whether any valid record starts after `offset`, so that the one at `offset` is no torn tail.

    True also if more bytes follow than `LogWriter` can leave behind the last valid record.
    """
    if size - offset > MAX_RECORD:
        return True
    overlap = len(MAGIC) - 1
    looks, looked_at = 0, 0
    for start in range(offset + 1, size, _STEP):
        block = read(fd, _STEP + overlap, start)
        at = block.find(MAGIC)
        while at >= 0:
            if record_at(fd, run, start + at, size) is not None:
                return True
            looks += 1
            looked_at += _meta_length(fd, start + at)
            if looks > _MAX_HEADS or looked_at > _MAX_HEADS_BYTES:
                return True
            at = block.find(MAGIC, at + 1)
    return False


def _meta_length(fd: int, offset: int) -> int:
    """As it is read for what seems to be a record."""
    head = read(fd, _HEAD.size, offset)
    length: int = _HEAD.unpack(head)[2] if len(head) == _HEAD.size else 0
    return length if length <= MAX_META else 0
