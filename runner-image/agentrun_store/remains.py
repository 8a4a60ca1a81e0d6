"""The data of a rolled-back run that later runs of its thread need.

Their states may be rebuilt from its writes: see `ancestors`. The rollback keeps these in a segment
that no run writes to, so that a writer that outlives its rollback restores nothing.
"""

import os
from typing import Any

from . import disk, tree
from .ancestors import Key, key_of, rebuilt_from
from .errors import StoreError, UnreadableFileError
from .history import History
from .names import RunName
from .segment import Segment
from .thread import Thread


def needed_without(thread: Thread, run: RunName) -> set[Key] | None:
    """The ancestors that all other runs' states are rebuilt from; None if that is unknown."""
    history = History(thread)
    others = [segment for segment in history.segments if segment.run != run]
    try:
        return rebuilt_from(history, _loads, history.checkpoints(None, None, others))
    except (StoreError, OSError):
        return None


def _loads(typed: tuple[str, bytes]) -> Any:
    # Not at the top: few threads have a DeltaChannel, and the others need no decoder.
    from . import values

    return values.loads(typed)


def keep(thread: Thread, segment: Segment) -> None:
    """Keep all of a segment's log, unread: reading it may take too long."""
    if not _has_log(segment):
        return
    kept = _place(thread, segment)
    try:
        kept.link_log(segment)
    except OSError:  # not all file systems have links
        kept.copy_log(segment)


def _place(thread: Thread, segment: Segment) -> Segment:
    """The segment that keeps the log, after removing what an agent may have put there."""
    kept = thread.kept_of(segment)
    if kept.path.is_symlink() or not kept.path.is_dir():
        tree.remove(kept.path)
    return kept


def _has_log(segment: Segment) -> bool:
    """Whether it may hold checkpoints. Anything but a regular file, made by an agent, never did."""
    try:
        os.close(disk.open_regular(segment.log))
    except (FileNotFoundError, UnreadableFileError):
        return False
    return True


def reduce(thread: Thread, segment: Segment, needed: set[Key], *, is_new: bool = False) -> None:
    """Remove the records that no later run needs. Raises CorruptSegmentError.

    `is_new`: a writer that outlives its rollback may still have this log open.
    """
    records = segment.index.records()
    left = [record for record in records if key_of(record) in needed]
    if segment.kept and not left:
        thread.discard(segment)
    elif is_new or len(left) < len(records):
        segment.rewrite(segment.entry(record) for record in left)
