"""The working directory of a `command` agent: its run's own copy of the thread's files."""

import logging
import stat
from collections.abc import Sequence
from pathlib import Path

from . import disk, tree
from .copying import Skipped, copy_tree
from .names import check_run
from .segment import Segment
from .segments import Listing
from .thread import Store, Thread

logger = logging.getLogger(__name__)

_ENTER = stat.S_IRUSR | stat.S_IXUSR


def prepare(root: Path | str, thread: str, uid: str) -> Path:
    """Make a run's workspace, if it has none yet, and return it. Changes its own segment only.

    It starts as a copy of the thread's newest one: regular files (with modes and times),
    directories, and links as links, but no sockets, pipes and devices. A warning names the files
    that may not be read, which are not copied: a pod cannot change the modes of an older run's
    files. If the workspace exists, an earlier attempt of the run has made it, and the retry keeps
    it.
    Raises InvalidNameError, RunRolledBackError, SegmentOrderError, StoreError, OSError.
    """
    store_thread = Store(root).thread(thread)
    listing = store_thread.listing()
    own = store_thread.segment_for(check_run(uid), listing)
    store_thread.refuse_disorder(own, listing)
    own.make()
    disk.refuse_link(own.workspace)
    if not _has_workspace(own):
        new = own.path / ".workspace.new"
        tree.remove(new)  # left by a preparation that was cut
        kept = _newest_kept(store_thread, listing, own)
        skipped = Skipped()
        if kept:
            copy_tree(kept.workspace, new, skipped)
        else:
            new.mkdir()
        disk.sync_file_system(own.path)
        new.rename(own.workspace)
        disk.sync_dir(own.path)
        if kept and skipped.count:
            logger.warning("%s", skipped.message(kept.workspace))
    tree.grant(own.workspace, _ENTER)
    return own.workspace


def _newest_kept(thread: Thread, listing: Listing, own: Segment) -> Segment | None:
    for segment in listing.newest_first():
        if (
            segment.run != own.run
            and _has_workspace(segment)
            and not thread.is_rolled_back(segment.run)
        ):
            return segment
    return None


def drop_workspaces(segments: Sequence[Segment], keep: int) -> None:
    """Remove all but the newest `keep` of the segments' workspaces. For tools, like a prune."""
    kept = [segment for segment in segments if _has_workspace(segment)][-keep:]
    for segment in segments:
        disk.refuse_link(segment.path)
        gone = segment.path / ".workspace.gone"
        if segment not in kept and _has_workspace(segment):
            tree.remove(gone)
            # First, so that no run copies a workspace that is half removed.
            segment.workspace.rename(gone)
            disk.sync_dir(segment.path)
        tree.remove(gone)  # also one left by a removal that was cut


def _has_workspace(segment: Segment) -> bool:
    """True also if its agent replaced it by something else, which counts as unreadable."""
    return segment.has(segment.workspace.name)
