"""Taking back what a run wrote. Every function can be cut anywhere, and repeated."""

from contextlib import suppress
from pathlib import Path

from agentrun_store import disk, remains
from agentrun_store.errors import InvalidNameError, StoreError
from agentrun_store.names import RunName, check_run
from agentrun_store.records import Kind
from agentrun_store.segment import Segment
from agentrun_store.thread import Store, Thread, Tombstone


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
    return bury_run(Store(root).thread(thread), check_run(uid))


def drop_stateless(root: Path | str, thread: str, uid: str) -> int:
    """`drop_run` for `stateless/<uid>`, whose whole directory goes. A repetition may return 0."""
    store_thread, run = Store(root).thread(thread), check_run(uid)
    if store_thread.name != f"stateless/{run}":
        raise InvalidNameError(f"thread {thread!r}: the thread of run {uid} is stateless/{uid}")
    count = bury_run(store_thread, run)
    disk.remove_tree(store_thread.path)
    disk.sync_dir(store_thread.path.parent)
    return count


def bury_run(thread: Thread, run: RunName) -> int:
    """`drop_run`, with names that were checked."""
    tombstone = thread.tombstone(run)
    all_segments = thread.all_segments()
    segments = [segment for segment in all_segments if segment.run == run]
    # Nothing is rebuilt from what came later.
    others = [segment.seq for segment in thread.live(all_segments) if segment.run != run]
    last = max(others, default=0)
    older = [segment for segment in segments if segment.seq < last]
    needed = remains.needed_without(thread, run) if older else None
    if tombstone is None:
        checkpoints = sum(count_checkpoints(segment) for segment in segments)
        tombstone = Tombstone(checkpoints, max((segment.seq for segment in segments), default=0))
        for segment in older:
            remains.keep(thread, segment, needed)
        # Also for a run that never wrote: its pod may still be on its way.
        thread.bury(run, tombstone)
    for segment in segments:
        thread.discard(segment)
    for kept in thread.kept():
        if kept.seq > last:
            thread.discard(kept)
        elif needed is not None:
            with suppress(StoreError):  # a damaged one stays as it is
                remains.reduce(thread, kept, needed)
    return tombstone.checkpoints


def count_checkpoints(segment: Segment) -> int:
    """Those that can be found, in all namespaces."""
    metas = [record.meta for record in segment.scan().records if record.kind == Kind.CHECKPOINT]
    return len({(meta["thread"], meta["ns"], meta["id"]) for meta in metas})
