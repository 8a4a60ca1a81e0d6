"""Tests that stop the node, the API server or the deployed operator run alone.

A test holds a file lock while it runs, shared or, with the marker ``alone``, exclusive. All tests
pass a turnstile first, so that other tests cannot overtake an exclusive one forever.
"""

import fcntl
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


@contextmanager
def held(directory: Path, *, alone: bool) -> Iterator[None]:
    """Hold the lock of a directory that all processes of the session share."""
    with (directory / "turnstile").open("w") as turnstile, (directory / "room").open("w") as room:
        fcntl.flock(turnstile, fcntl.LOCK_EX)
        fcntl.flock(room, fcntl.LOCK_EX if alone else fcntl.LOCK_SH)
        fcntl.flock(turnstile, fcntl.LOCK_UN)
        yield
