"""A cache of build results; the content of their inputs is the key."""

import fcntl
import hashlib
import shutil
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from cluster.paths import CACHE
from cluster.shell import say

TEMPORARY = CACHE / "tmp"


def key(*inputs: str | Path) -> str:
    """Twelve hex digits that change when one of the inputs does.

    A string is hashed as it is, a file by its content, a directory by the names, modes and contents
    of all its files.
    """
    digest = hashlib.sha256()
    for entry in inputs:
        for part in _parts(entry):
            digest.update(len(part).to_bytes(8, "big") + part)
    return digest.hexdigest()[:12]


def cached(name: str, inputs_key: str, make: Callable[[Path], None]) -> Path:
    """The path of `name`; if it does not exist, `make` makes it at a temporary path first."""
    path = CACHE / name / inputs_key
    if path.exists():
        return path
    with scratch() as directory:
        make(directory / name)
        path.parent.mkdir(parents=True, exist_ok=True)
        # Renamed when complete: an interrupted build never counts.
        (directory / name).rename(path)
    return path


@contextmanager
def scratch() -> Iterator[Path]:
    """A temporary directory on the cache's file system (with room, and renames work)."""
    TEMPORARY.mkdir(parents=True, exist_ok=True)
    directory = Path(tempfile.mkdtemp(dir=TEMPORARY))
    try:
        yield directory
    finally:
        shutil.rmtree(directory)


@contextmanager
def only_one() -> Iterator[None]:
    """Wait until no other checkout is changing the cluster or the cache."""
    CACHE.mkdir(parents=True, exist_ok=True)
    with (CACHE / "lock").open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            say("waiting for another make that works on the cluster")
            fcntl.flock(lock, fcntl.LOCK_EX)
        shutil.rmtree(TEMPORARY, ignore_errors=True)  # left by a process that was killed
        yield


def _parts(entry: str | Path) -> Iterator[bytes]:
    if isinstance(entry, str):
        yield entry.encode()
    elif entry.is_file():
        yield entry.read_bytes()
    else:
        for path in sorted(entry.rglob("*")):
            if path.is_file() and "__pycache__" not in path.parts:
                mode = "x" if path.stat().st_mode & 0o100 else "-"
                yield f"{path.relative_to(entry)} {mode}".encode()
                yield path.read_bytes()
