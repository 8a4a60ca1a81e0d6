"""Changes of whole threads, for tools. No run of the thread may be live meanwhile."""

from collections.abc import Callable
from contextlib import suppress
from itertools import islice
from pathlib import PurePath
from typing import Any

from agentrun_store import disk
from agentrun_store.errors import StoreError
from agentrun_store.history import Found, History
from agentrun_store.log import Record
from agentrun_store.segment import Segment
from agentrun_store.thread import Thread
from agentrun_store.workspace import drop_workspaces


def delete_thread(thread: Thread) -> None:
    """Remove all segments of a thread at once; runs that were rolled back stay refused."""
    gone = thread.path / ".segments.gone"
    disk.remove_tree(gone)  # left by a deletion that was cut
    with suppress(FileNotFoundError):
        thread.segments_dir.rename(gone)
        disk.sync_dir(thread.path)
        disk.remove_tree(gone)


def copy_thread(source: History, source_id: str, target: Thread, target_id: str) -> None:
    """Copy all checkpoints and pending writes of a thread id, but no workspaces, at once.

    Raises StoreError when the target has checkpoints already.
    """
    if target.segments():
        raise StoreError(f"{target.name} has checkpoints: delete that thread, or choose another")
    new = PurePath(target.name, ".segments.new")
    disk.remove_tree(target.root / new)  # left by a copy that was cut
    for segment in source.segments:
        records = [r for r in segment.index.records() if r.meta["thread"] == source_id]
        if records:
            target.refuse_rolled_back(segment.run)
            copy = Segment(target.root, new, segment.seq, segment.run)
            entries = (segment.entry(record) for record in records)
            copy.rewrite(e._replace(meta={**e.meta, "thread": target_id}) for e in entries)
    with suppress(FileNotFoundError):  # there was nothing to copy
        (target.root / new).rename(target.segments_dir)
        disk.sync_dir(target.path)


def prune(
    history: History, loads: Callable[[tuple[str, bytes]], Any], *, keep: int
) -> tuple[int, int]:
    """Remove all but the newest `keep` checkpoints of each thread id and namespace, with their
    pending writes, and all but the newest `keep` workspaces.

    Of ancestors, those stay that the DeltaChannels of a kept checkpoint are rebuilt from. `loads`
    is a serializer's `loads_typed`. Returns the numbers of checkpoints removed and kept. Raises
    CorruptSegmentError, having removed nothing, when it cannot be known what there is.
    """
    kept = {
        key
        for thread_id, ns in history.lines()
        for found in islice(history.checkpoints(thread_id, ns), keep)
        for key in _rebuilt_from(history, loads, found)
    }
    there = {_key(found.record) for found in history.checkpoints(None, None)}
    for segment in history.segments:
        records = segment.index.records()
        needed = [record for record in records if _key(record) in kept]
        if len(needed) < len(records):
            segment.rewrite(segment.entry(record) for record in needed)
    drop_workspaces(history.segments, keep)
    return len(there - kept), len(kept)


def _rebuilt_from(
    history: History, loads: Callable[[tuple[str, bytes]], Any], found: Found | None
) -> set[tuple[str, str, str]]:
    """A checkpoint, and those of its ancestors that its DeltaChannels need: back to a snapshot."""
    keys: set[tuple[str, str, str]] = set()
    missing: set[str] | None = None
    while found is not None and _key(found.record) not in keys:
        keys.add(_key(found.record))
        meta = found.record.meta
        # A DeltaChannel that was ever written has a version, and a counter unless this very
        # checkpoint holds its snapshot.
        counters = meta["metadata"].get("counters_since_delta_snapshot") or {}
        if missing is None and not counters:
            break
        checkpoint = loads((meta["type"], found.segment.payload(found.record)))
        if missing is None:
            missing = counters.keys() & checkpoint["channel_versions"].keys()
        missing -= checkpoint["channel_values"].keys()
        parent = meta["parent"]
        found = history.find(meta["thread"], meta["ns"], parent) if missing and parent else None
    return keys


def _key(record: Record) -> tuple[str, str, str]:
    return record.meta["thread"], record.meta["ns"], record.meta["id"]
