"""Tests that take the node, the API server or the deployed operator from all others must be alone.

A test holds a file lock while it runs, shared or, with the marker ``alone``, exclusive. All of them
go through a turnstile first, so that one that wants to be alone is not overtaken for ever.
"""

import fcntl
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


@contextmanager
def held(directory: Path, *, alone: bool) -> Iterator[None]:
    """Hold the lock of a directory that all processes of the session know."""
    with (directory / "turnstile").open("w") as turnstile, (directory / "room").open("w") as room:
        fcntl.flock(turnstile, fcntl.LOCK_EX)
        fcntl.flock(room, fcntl.LOCK_EX if alone else fcntl.LOCK_SH)
        fcntl.flock(turnstile, fcntl.LOCK_UN)
        yield
