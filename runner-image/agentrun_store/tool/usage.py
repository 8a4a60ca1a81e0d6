"""How much a part of the store takes, and when it was last changed."""

import os
import stat
from pathlib import Path
from typing import NamedTuple

from .. import disk, tree


class Usage(NamedTuple):
    """Of a directory and all below it."""

    bytes: int
    """The lengths of the files. Blocks that files share are counted for each."""
    modified: float
    """The time of the last change, in seconds since 1970. No agent can set it to the future."""


def usage(path: Path) -> Usage:
    """Links are not followed; what goes away meanwhile is left out. Raises StoreError, OSError."""
    disk.refuse_link(path)
    size, modified = 0, _modified(path.stat())
    for found in tree.stats(path):
        modified = max(modified, _modified(found))
        size += found.st_size if stat.S_ISREG(found.st_mode) else 0
    return Usage(size, modified)


def _modified(found: os.stat_result) -> float:
    # A program can set the first to any time, and the second only to now.
    return min(found.st_mtime, found.st_ctime)
