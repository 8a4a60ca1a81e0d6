"""The event stream: one JSON object a line on stdout, so that `kubectl logs -f` shows the run."""

import os
import select
import sys
import time
from collections.abc import Callable
from contextlib import suppress
from functools import partial
from typing import TypeVar

from .encoding import encode

_T = TypeVar("_T")

_STDOUT = 1


def emit(event: str, **data: object) -> None:
    """Print an event after the earlier output of this process. Never fails."""
    _write(_line(event, data))


def interject(event: str, **data: object) -> None:
    """Print an event between the output of another process, which may have left a line open."""
    _write(b"\n" + _line(event, data))


def would_block() -> bool:
    """Whether a write to stdout would wait for its reader."""
    try:
        return not select.select([], [_STDOUT], [], 0)[1]
    except OSError:
        return True


def warn(message: str) -> None:
    """Print a warning of the supervisor. Never fails, never waits."""
    if not would_block():
        interject("warning", message=message)


def _line(event: str, data: dict[str, object]) -> bytes:
    now = time.time()
    stamp = f"{time.strftime('%Y-%m-%dT%H:%M:%S', time.gmtime(now))}.{int(now % 1 * 1000):03d}Z"
    return encode({"event": event, "time": stamp, **data}) + b"\n"


def _write(line: bytes) -> None:
    rest = memoryview(line)
    with suppress(OSError, ValueError):  # the reader of the log must not end the run
        _waiting(sys.stdout.flush)
        while rest:
            rest = rest[_waiting(partial(os.write, _STDOUT, rest)) :]


def _waiting(write: Callable[[], _T]) -> _T:
    """Write as to a blocking pipe: a program that shares this one may have made it non-blocking."""
    while True:
        try:
            return write()
        except BlockingIOError:
            select.select([], [_STDOUT], [])
