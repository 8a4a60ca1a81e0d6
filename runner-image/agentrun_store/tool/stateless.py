"""The directories of stateless runs whose AgentRuns were deleted."""

import time
from collections.abc import Collection, Iterator

from .. import disk, tree
from ..errors import StoreError
from ..thread import Store, Thread
from .problem import Problem
from .usage import Usage, usage

LEFT_ALONE = 24 * 60 * 60.0
"""Seconds after its last change in which a directory stays, whatever the list says: its run may
have been created after the list was made."""


def orphans(
    store: Store, existing: Collection[str], problem: Problem
) -> Iterator[tuple[Thread, Usage]]:
    """The directories of stateless runs whose UIDs are not among those that exist."""
    for thread in store.threads():
        kind, _, uid = thread.name.partition("/")
        if kind == "stateless" and uid not in existing:
            try:
                used = usage(thread.path)
            except (StoreError, OSError) as error:
                problem(error)
                continue
            if time.time() - used.modified > LEFT_ALONE:
                yield thread, used


def remove(thread: Thread) -> None:
    """Remove a directory without reading files in it: a pipe that an agent left never ends."""
    tree.remove(thread.path)
    disk.sync_dir(thread.path.parent)
