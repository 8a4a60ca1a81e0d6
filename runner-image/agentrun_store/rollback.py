"""Rolling back a run. Every function can be cut anywhere, and repeated.

The steps go by names, which no agent chooses. They read a segment only to count its checkpoints,
and to keep the data that later runs need. Neither can fail a rollback.
"""

import stat
import time
from contextlib import suppress
from pathlib import Path

from . import disk, remains, tree
from .errors import InvalidNameError, StoreError
from .names import RunName, check_run
from .records import Kind
from .segment import Segment
from .thread import Store, Thread, Tombstone

COUNT_SECONDS = 10.0
_MOST_KNOWN = 250_000  # some 30 MiB


def drop(root: Path | str, thread: str, uid: str) -> int:
    """Roll back a run as its AgentRun's rollback does: `drop_run`, or `drop_stateless`."""
    roll_back = drop_stateless if thread.startswith("stateless/") else drop_run
    return roll_back(root, thread, uid)


def drop_run(root: Path | str, thread: str, uid: str) -> int:
    """Remove all that a run wrote to a thread, and refuse its later writes.

    Returns the number of checkpoints removed; a repetition returns the same number. The data that
    the states of later runs are rebuilt from stays, for them only: see `remains`. Only the last
    step, which determines this data, reads the thread's history. Damaged segments are removed like
    others, counting the checkpoints that can be read. Raises InvalidNameError, OSError.
    """
    return bury_run(*named(root, thread, uid))


def drop_stateless(root: Path | str, thread: str, uid: str) -> int:
    """`drop_run` for `stateless/<uid>`: removes the whole directory. A repetition may return 0."""
    store_thread, run = named(root, thread, uid)
    if not store_thread.is_stateless:
        raise InvalidNameError(f"thread {thread!r}: the thread of run {uid} is stateless/{uid}")
    count = bury_run(store_thread, run)
    remove_thread(store_thread)
    return count


def named(root: Path | str, thread: str, uid: str) -> tuple[Thread, RunName]:
    """The thread and the run of these names. Raises InvalidNameError."""
    store_thread, run = Store(root).thread(thread), check_run(uid)
    if store_thread.is_stateless and store_thread.name != f"stateless/{run}":
        raise InvalidNameError(f"thread {thread!r}: the thread of run {uid} is stateless/{uid}")
    return store_thread, run


def bury_run(thread: Thread, run: RunName) -> int:
    """`drop_run`, with checked names."""
    count = bury(thread, run)
    if remove(thread, run):
        reduce_kept(thread, run)
    return count


def bury(thread: Thread, run: RunName, *, unread: bool = False) -> int:
    """Exclude the run's segments from the thread. Returns the number of checkpoints in them.

    Keeps all of an older run's log for later runs until `reduce_kept`. `unread`: count no
    checkpoints.
    """
    thread.repair()
    tombstone = thread.tombstone(run)
    if tombstone is None:
        listing = thread.listing()
        segments, last = listing.of(run), thread.last_but(run, listing)
        checkpoints = 0 if unread else _count(segments)
        for segment in segments:
            if segment.seq < last:
                remains.keep(thread, segment)
        tombstone = Tombstone(checkpoints, max((segment.seq for segment in segments), default=0))
        # Also for a run that never wrote: its pod may still start.
        thread.bury(run, tombstone)
    return tombstone.checkpoints


def remove(thread: Thread, run: RunName) -> bool:
    """Remove the segments that `bury` has excluded. Returns whether the thread keeps data of this
    or other runs, see `reduce_kept`. Raises OSError if something cannot be removed, after removing
    all else."""
    listing = thread.listing()
    own = listing.names_of(run)
    for name in own:
        tree.remove(thread.segments_dir / name)
    if own:
        disk.sync_dir(thread.segments_dir)
    last = thread.last_but(run, listing)
    kept = listing.kept()
    for segment in kept:
        if segment.seq > last:  # no state is rebuilt from a later segment
            thread.discard(segment)
    thread.forget_stop(run)
    return any(segment.seq <= last for segment in kept)


def remove_thread(thread: Thread) -> None:
    """Remove all of a thread, by its name."""
    tree.grant(thread.path, stat.S_IRWXU)
    tree.remove(thread.path)
    disk.sync_dir(thread.path.parent)


def reduce_kept(thread: Thread, run: RunName) -> None:
    """Free the space of kept data that no later run needs any more.

    Only if the run that was rolled back was an older one. A damaged segment stays as it is.
    """
    tombstone = thread.tombstone(run)
    listing = thread.listing()
    if tombstone is None or not 0 < tombstone.seq < thread.last_but(run, listing):
        return
    kept = listing.kept()
    needed = remains.needed_without(thread, run) if kept else None
    if needed is not None:
        for segment in kept:
            with suppress(StoreError):
                remains.reduce(thread, segment, needed, is_new=segment.run == run)


def _count(segments: list[Segment]) -> int:
    """The number of checkpoints in all namespaces: from the last record, or else those that can be
    found within the time limit."""
    until = time.monotonic() + COUNT_SECONDS
    count, known = 0, set[int]()
    for segment in segments:
        tree.grant(segment.path, stat.S_IRWXU)
        tree.grant(segment.log, stat.S_IRUSR)
        with suppress(StoreError, OSError):
            counted = segment.counted()
            if counted is not None:
                count += counted
                continue
            for record in segment.heads():
                if time.monotonic() > until or len(known) == _MOST_KNOWN:
                    break
                if record.kind == Kind.CHECKPOINT:
                    meta = record.meta
                    known.add(hash((meta["thread"], meta["ns"], meta["id"])))
    return count + len(known)
