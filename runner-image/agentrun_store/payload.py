"""Reading the payload of one record of a log: see log.py for the format."""

import errno
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NoReturn

from . import disk
from .errors import CorruptSegmentError, LogChangedError, UnreadableFileError
from .log import Record, has_sound_payload, is_sound, no_log, read, record_at
from .names import RunName


def read_payload(path: Path, run: RunName, record: Record) -> bytes:
    """Read and check one payload.

    Raises CorruptSegmentError, and LogChangedError when the record is no longer in the log.
    """
    with _opened(path) as fd:
        payload = read(fd, record.payload_length, record.payload_at)
        if not is_sound(payload, run, record):
            _refuse_damaged(fd, path, run, record)
        return payload


def check_payload(path: Path, run: RunName, record: Record) -> None:
    """`read_payload` in bounded memory: it returns nothing."""
    with _opened(path) as fd:
        if not has_sound_payload(fd, run, record):
            _refuse_damaged(fd, path, run, record)


@contextmanager
def _opened(path: Path) -> Iterator[int]:
    try:
        fd = disk.open_regular(path)
        try:
            yield fd
        finally:
            os.close(fd)
    except UnreadableFileError as error:
        raise no_log(path, error) from None
    except OSError as error:
        if error.errno in (errno.ENOENT, errno.ESTALE):
            raise LogChangedError(path) from None
        raise


def _refuse_damaged(fd: int, path: Path, run: RunName, record: Record) -> NoReturn:
    there = record_at(fd, run, record.offset, os.fstat(fd).st_size)
    if there is None or (there.end, there.payload_crc) != (record.end, record.payload_crc):
        raise LogChangedError(path)
    raise CorruptSegmentError(path, record.offset, "the payload of this record is damaged")
