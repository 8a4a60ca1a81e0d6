"""The size of a part of the store, and the time of its last change."""

import os
import stat
from pathlib import Path
from typing import NamedTuple

from .. import disk, tree


class Usage(NamedTuple):
    """The usage of a directory and all below it."""

    bytes: int
    """The lengths of the files. Blocks that files share are counted for each."""
    modified: float
    """The time of the last change, in seconds since 1970. No agent can set it to the future."""


def usage(path: Path) -> Usage:
    """Follows no links, and skips files that disappear. Raises StoreError, OSError."""
    disk.refuse_link(path)
    size, modified = 0, _modified(path.stat())
    for found in tree.stats(path):
        modified = max(modified, _modified(found))
        size += found.st_size if stat.S_ISREG(found.st_mode) else 0
    return Usage(size, modified)


def _modified(found: os.stat_result) -> float:
    # A program can set mtime to any time, and ctime only to now.
    return min(found.st_mtime, found.st_ctime)
