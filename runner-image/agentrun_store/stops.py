"""How soon a run that is being stopped has to end: `<thread>/stops/<run uid>`, seconds as text.

A kubelet keeps to the grace period with which it began to stop a pod. So a Job of the operator
writes this file, where no agent can write, and the run's supervisor reads it while it waits for its
agent: see `agentrun_runner/stop_file.py`.
"""

import json
import os
import sys
from contextlib import suppress
from pathlib import Path, PurePath

from . import disk, rollback, tree
from .errors import RunRolledBackError, StoreError, UnreadableFileError
from .names import RunName
from .text import brief
from .thread import STOPS, Thread

VARIABLE = "AGENTRUN_SHORTEN"
"""JSON: {"uid": run uid, "thread": its directory, "seconds": counted from the supervisor's read}"""

_LONGEST = 20  # bytes
_ERROR_SIZE = 500  # bytes


def main(root: Path) -> int:
    """Write the file that `AGENTRUN_SHORTEN` requests. Returns the exit code."""
    try:
        asked = json.loads(os.environ.get(VARIABLE, ""))
        thread, run = rollback.named(root, str(asked["thread"]), str(asked["uid"]))
        write(thread, run, int(asked["seconds"]))
    except RunRolledBackError:
        return 0  # no process of the run is alive any more
    except (StoreError, ValueError, KeyError, TypeError, OSError) as error:
        print(brief(error, _ERROR_SIZE), file=sys.stderr, flush=True)
        return 1
    return 0


def write(thread: Thread, run: RunName, seconds: int) -> None:
    """Write the file for the run's supervisor; a lower number that is there stays.

    Raises RunRolledBackError, StoreError, OSError.
    """
    thread.refuse_rolled_back(run)
    disk.refuse_link(thread.path)
    if not thread.path.is_dir():
        raise StoreError(f"there is no thread {thread.name}; its first run makes it")
    path = disk.make_dirs(thread.root, PurePath(thread.name, STOPS)) / run
    if path.is_dir() and not path.is_symlink():
        tree.remove(path)  # no file can take the place of a directory
    if seconds < (_written(path) or seconds + 1):
        disk.replace_file(path, [str(seconds).encode()])


def _written(path: Path) -> int | None:
    """The number that an earlier Job wrote; None also for a file that no Job made."""
    missing = (FileNotFoundError, UnreadableFileError, ValueError)
    with suppress(*missing), os.fdopen(disk.open_regular(path), "rb") as file:
        return int(file.read(_LONGEST))
    return None
