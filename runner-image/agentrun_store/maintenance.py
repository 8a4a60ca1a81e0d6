"""Changes of whole threads, for tools. No run of the thread may be live meanwhile."""

from contextlib import suppress
from pathlib import PurePath

from agentrun_store import disk
from agentrun_store.errors import StoreError
from agentrun_store.history import History
from agentrun_store.segment import Segment
from agentrun_store.thread import Thread


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


def keep_only(history: History, keep: set[tuple[str, str]]) -> None:
    """Remove all checkpoints but these (namespace, id), with their pending writes."""
    for segment in history.segments:
        records = segment.index.records()
        kept = [r for r in records if (r.meta["ns"], r.meta["id"]) in keep]
        if len(kept) < len(records):
            segment.rewrite(segment.entry(record) for record in kept)
