"""How much a part of the store takes, and when it was last changed."""

import os
import stat
from contextlib import suppress
from pathlib import Path
from typing import NamedTuple

from agentrun_store import disk


class Usage(NamedTuple):
    """Of a directory and all below it."""

    bytes: int
    """The lengths of the files. Blocks that files share are counted for each."""
    modified: float
    """The time of the last change, in seconds since 1970."""


def usage(path: Path) -> Usage:
    """Links are not followed; what goes away meanwhile is left out. Raises StoreError, OSError."""
    disk.refuse_link(path)
    size, modified = 0, path.stat().st_mtime
    for directory, directories, files in os.walk(path):
        for name in (*directories, *files):
            with suppress(FileNotFoundError):
                found = Path(directory, name).lstat()
                modified = max(modified, found.st_mtime)
                size += found.st_size if stat.S_ISREG(found.st_mode) else 0
    return Usage(size, modified)
