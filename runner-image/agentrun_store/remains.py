"""What is left of a run that was taken back, as long as later runs of its thread need it.

Their states may be rebuilt from what it wrote: see `ancestors`. That stays, in a segment which no
run writes to, so that a writer that outlives its rollback brings nothing back.
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
    """The ancestors that all other runs' states are rebuilt from; None if it cannot be known."""
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
    """Put all of a segment's log aside, unread: reading may take more than there is time for."""
    if not _has_log(segment):
        return
    kept = _place(thread, segment)
    try:
        kept.link_log(segment)
    except OSError:  # not all file systems have links
        kept.copy_log(segment)


def _place(thread: Thread, segment: Segment) -> Segment:
    """Where the segment's log is kept, free of what an agent may have put there."""
    kept = thread.kept_of(segment)
    if kept.path.is_symlink() or not kept.path.is_dir():
        tree.remove(kept.path)
    return kept


def _has_log(segment: Segment) -> bool:
    """Whether it may hold checkpoints: what an agent put in place of its log never did."""
    try:
        os.close(disk.open_regular(segment.log))
    except (FileNotFoundError, UnreadableFileError):
        return False
    return True


def reduce(thread: Thread, segment: Segment, needed: set[Key], *, is_new: bool = False) -> None:
    """Remove what is not needed. Raises CorruptSegmentError.

    `is_new`: the log may still be the one that a writer has open which outlives its rollback.
    """
    records = segment.index.records()
    left = [record for record in records if key_of(record) in needed]
    if segment.kept and not left:
        thread.discard(segment)
    elif is_new or len(left) < len(records):
        segment.rewrite(segment.entry(record) for record in left)
