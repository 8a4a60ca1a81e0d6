"""Taking back what a run wrote. Every function can be cut anywhere, and repeated.

The steps go by names, which no agent chooses: what is in a segment is read only to count it, and to
keep what later runs need of it. Neither can fail a rollback.
"""

import stat
import time
from contextlib import suppress
from pathlib import Path

from agentrun_store import disk, remains, tree
from agentrun_store.errors import InvalidNameError, StoreError
from agentrun_store.names import RunName, check_run
from agentrun_store.records import Kind
from agentrun_store.segment import Segment
from agentrun_store.thread import Store, Thread, Tombstone

COUNT_SECONDS = 10.0
_MOST_KNOWN = 250_000  # some 30 MiB


def drop(root: Path | str, thread: str, uid: str) -> int:
    """Take back a run as its AgentRun's rollback does: `drop_run`, or `drop_stateless`."""
    roll_back = drop_stateless if thread.startswith("stateless/") else drop_run
    return roll_back(root, thread, uid)


def drop_run(root: Path | str, thread: str, uid: str) -> int:
    """Take back all that a run wrote to a thread, and refuse what it may still write.

    Returns the number of checkpoints taken back; a repetition returns the same number. The cost
    does not grow with the thread's history if no other run came later. Else what their states are
    rebuilt from stays, for them only: see `remains`. Damaged segments are dropped like others,
    counting the checkpoints that can be read. Raises InvalidNameError, OSError.
    """
    return bury_run(*named(root, thread, uid))


def drop_stateless(root: Path | str, thread: str, uid: str) -> int:
    """`drop_run` for `stateless/<uid>`, whose whole directory goes. A repetition may return 0."""
    store_thread, run = named(root, thread, uid)
    if not store_thread.is_stateless:
        raise InvalidNameError(f"thread {thread!r}: the thread of run {uid} is stateless/{uid}")
    count = bury_run(store_thread, run)
    remove_thread(store_thread)
    return count


def named(root: Path | str, thread: str, uid: str) -> tuple[Thread, RunName]:
    """The thread and the run that are named so. Raises InvalidNameError."""
    store_thread, run = Store(root).thread(thread), check_run(uid)
    if store_thread.is_stateless and store_thread.name != f"stateless/{run}":
        raise InvalidNameError(f"thread {thread!r}: the thread of run {uid} is stateless/{uid}")
    return store_thread, run


def bury_run(thread: Thread, run: RunName) -> int:
    """`drop_run`, with names that were checked."""
    count = bury(thread, run)
    remove(thread, run)
    reduce_kept(thread, run)
    return count


def bury(thread: Thread, run: RunName, *, unread: bool = False) -> int:
    """Make the run's segments count no more. Returns the number of checkpoints in them.

    `unread`: count none, and keep all of an older run for those that may need it.
    """
    thread.repair()
    tombstone = thread.tombstone(run)
    if tombstone is None:
        segments = [segment for segment in thread.all_segments() if segment.run == run]
        checkpoints = 0 if unread else _count(segments)
        older = [segment for segment in segments if segment.seq < _last(thread, run)]
        needed = remains.needed_without(thread, run) if older and not unread else None
        for segment in older:
            if unread:
                remains.keep_unread(thread, segment)
            else:
                remains.keep(thread, segment, needed)
        tombstone = Tombstone(checkpoints, max((segment.seq for segment in segments), default=0))
        # Also for a run that never wrote: its pod may still be on its way.
        thread.bury(run, tombstone)
    return tombstone.checkpoints


def remove(thread: Thread, run: RunName) -> None:
    """Remove what `bury` has made count no more. Raises OSError where something cannot be removed,
    with all else removed."""
    own = thread.names_of(run)
    for path in own:
        tree.remove(path)
    if own:
        disk.sync_dir(thread.segments_dir)
    last = _last(thread, run)
    for kept in thread.kept():
        if kept.seq > last:  # nothing is rebuilt from what came later
            thread.discard(kept)
    thread.forget_stop(run)


def remove_thread(thread: Thread) -> None:
    """Remove all of a thread, by its name."""
    tree.grant(thread.path, stat.S_IRWXU)
    tree.remove(thread.path)
    disk.sync_dir(thread.path.parent)


def reduce_kept(thread: Thread, run: RunName) -> None:
    """Give back the space of what was kept for later runs and is needed no more.

    Only when the run that was taken back was an older one. A damaged segment stays as it is.
    """
    tombstone = thread.tombstone(run)
    if tombstone is None or not 0 < tombstone.seq < _last(thread, run):
        return
    kept = thread.kept()
    needed = remains.needed_without(thread, run) if kept else None
    if needed is not None:
        for segment in kept:
            with suppress(StoreError):
                remains.reduce(thread, segment, needed)


def _last(thread: Thread, run: RunName) -> int:
    """The number of the last segment that counts and is not the run's."""
    others = [segment.seq for segment in thread.segments() if segment.run != run]
    return max(others, default=0)


def _count(segments: list[Segment]) -> int:
    """The checkpoints that can be found, in all namespaces, and in the time that there is."""
    until = time.monotonic() + COUNT_SECONDS
    known: set[int] = set()
    for segment in segments:
        tree.grant(segment.path, stat.S_IRWXU)
        tree.grant(segment.log, stat.S_IRUSR)
        with suppress(StoreError, OSError):
            for record in segment.heads():
                if time.monotonic() > until or len(known) == _MOST_KNOWN:
                    break
                if record.kind == Kind.CHECKPOINT:
                    meta = record.meta
                    known.add(hash((meta["thread"], meta["ns"], meta["id"])))
    return len(known)
