"""Reading a log from its end, as far as needed: see `records.Chain`.

A log that no writer of this version leaves like this is read by `log.scan`, which reads all of it
and tells a torn tail from damage.
"""

from collections.abc import Iterator

from .index import Index
from .log import HEADER, MAGIC, MAX_RECORD, Record, has_sound_payload, read, record_in
from .names import RunName
from .records import chain_of, is_valid

WINDOW = 4 << 10
"""Bytes at the end of a log that every read checks, so that it finds damage there."""

_FIRST_STEP = 64 << 10  # bytes: one read finds the last record of nearly every log
_MAX_STEP = 1 << 20  # bytes
_MAX_SEARCH = 64 << 20  # bytes: a log that ends with a larger record is read from its start
_MAX_LOOKS = 1000  # at bytes that look like a head, and are none


class Window:
    """The part of a file from `start` to `end`, read in one go. A read of anything else goes
    to the file, up to `size`."""

    def __init__(self, fd: int, start: int, end: int, size: int) -> None:
        self._fd = fd
        self._size = size
        self.start = start
        self.data = read(fd, end - start, start)

    def read(self, length: int, offset: int) -> bytes:
        """See `log.read`."""
        length = max(0, min(length, self._size - offset))
        at = offset - self.start
        if 0 <= at <= len(self.data) - length:
            return self.data[at : at + length]
        return read(self._fd, length, offset)


def read_end(fd: int, run: RunName, size: int) -> tuple[Index, int] | None:
    """The index of a log's end, and the offset of its next record; None: read all of the log."""
    last = _last_record(fd, run, size)
    if last is None or size - last.end > MAX_RECORD:
        return None
    if not has_sound_payload(fd, run, last):
        chain = chain_of(last.meta)
        before = next(records_before(fd, run, chain.prev, last.offset), None) if chain else None
        if before is None:
            return None
        last = before
    records = [last]
    chain = chain_of(last.meta)
    if chain is None or chain.mixed:
        return None
    for record in records_before(fd, run, chain.prev, last.offset):
        if record is None:
            return None
        records.append(record)
        if record.offset <= last.end - WINDOW:
            break
    first = chain_of(records[-1].meta)
    index = Index(first)
    for record in reversed(records):
        index.add(record)
    return index, last.end


def records_before(fd: int, run: RunName, offset: int, end: int) -> Iterator[Record | None]:
    """The records from the one at `offset`, which ends at `end`, back to the first.

    Ends with None at a record that no writer of this version leaves like this.
    """
    window = Window(fd, max(0, end - WINDOW), end, end)
    while offset:
        if offset < window.start and end - offset < WINDOW:
            window = Window(fd, max(0, end - WINDOW), end, end)
        record = record_in(window.read, run, offset, end)
        if record is None or record.end != end or not _is_chained(record):
            yield None
            return
        yield record
        offset, end = record.meta["chain"][0], record.offset
    if end != len(HEADER) or window.read(len(HEADER), 0) != HEADER:
        yield None


def _is_chained(record: Record) -> bool:
    chain = chain_of(record.meta) if is_valid(record) else None
    return chain is not None and not chain.mixed


def _last_record(fd: int, run: RunName, size: int) -> Record | None:
    """The last valid record of a log, searched from its end."""
    high, step, looks = size, _FIRST_STEP, 0
    while high > 0 and size - high < _MAX_SEARCH:
        low = max(0, high - step)
        window = Window(fd, low, min(size, high + len(MAGIC) - 1), size)
        at = window.data.rfind(MAGIC)
        while at >= 0:
            record = record_in(window.read, run, low + at, size)
            if record is not None:
                return record if is_valid(record) else None
            looks += 1
            if looks > _MAX_LOOKS:
                return None
            at = window.data.rfind(MAGIC, 0, at + len(MAGIC) - 1)
        high, step = low, min(step * 4, _MAX_STEP)
    return None
