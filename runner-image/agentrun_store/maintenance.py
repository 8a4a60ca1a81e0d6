"""Changes of whole threads, for tools. No run of the thread may be live during one."""

from collections import Counter
from contextlib import suppress
from pathlib import PurePath

from . import disk, tree
from .ancestors import Key, Loads, key_of, rebuilt_from
from .errors import StoreError
from .history import Found, History
from .remains import reduce
from .segment import Segment
from .thread import Thread
from .workspace import drop_workspaces


def delete_thread(thread: Thread) -> None:
    """Remove all segments of a thread at once; runs that were rolled back stay refused."""
    gone = thread.path / ".segments.gone"
    tree.remove(gone)  # left by a deletion that was cut
    with suppress(FileNotFoundError):
        thread.segments_dir.rename(gone)
        disk.sync_dir(thread.path)
        tree.remove(gone)


def copy_thread(source: History, source_id: str, target: Thread, target_id: str) -> None:
    """Copy all checkpoints and pending writes of a thread id, but no workspaces, at once.

    Raises StoreError when the target has checkpoints already.
    """
    if target.segments():
        raise StoreError(f"{target.name} has checkpoints: delete that thread, or choose another")
    new = PurePath(target.name, ".segments.new")
    tree.remove(target.root / new)  # left by a copy that was cut
    for segment in (*source.segments, *source.kept):
        records = [r for r in segment.index.records() if r.meta["thread"] == source_id]
        if records:
            target.refuse_rolled_back(segment.run)
            copy = Segment(target.root, new, segment.seq, segment.run, kept=segment.kept)
            entries = (segment.entry(record) for record in records)
            copy.rewrite(e._replace(meta={**e.meta, "thread": target_id}) for e in entries)
    with suppress(FileNotFoundError):  # there was nothing to copy
        (target.root / new).rename(target.segments_dir)
        disk.sync_dir(target.path)


def prune(history: History, loads: Loads, *, keep: int) -> tuple[int, int]:
    """Remove all but the newest `keep` checkpoints of each thread id and namespace, with their
    pending writes, and all but the newest `keep` workspaces.

    Ancestors that the DeltaChannels of a kept checkpoint are rebuilt from stay too. Returns the
    numbers of checkpoints removed and kept. Raises CorruptSegmentError, or another StoreError,
    before it has removed anything, when the thread's content cannot be determined.
    """
    newest: list[Found] = []
    there: set[Key] = set()
    seen: Counter[tuple[str, str]] = Counter()  # one pass: each call of a subgraph is a namespace
    for found in history.checkpoints(None, None):
        thread_id, ns, _ = key = key_of(found.record)
        there.add(key)
        seen[thread_id, ns] += 1
        if seen[thread_id, ns] <= keep:
            newest.append(found)
    needed = {key_of(found.record) for found in newest} | rebuilt_from(history, loads, newest)
    segments = [*history.segments, *history.kept]
    for segment in segments:
        _ = segment.index  # damage is found before anything is removed
    for segment in segments:
        reduce(history.thread, segment, needed)
    drop_workspaces(history.segments, keep)
    history.thread.forget_stops()
    return len(there - needed), len(there & needed)
