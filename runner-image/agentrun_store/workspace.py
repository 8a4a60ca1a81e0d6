"""The working directory of a `command` agent: its run's own copy of the thread's files."""

import fcntl
import os
import shutil
import stat
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from agentrun_store import disk
from agentrun_store.segment import Segment
from agentrun_store.thread import Store, Thread

CURRENT = "current"
"""In the thread's directory: a relative link to the workspace prepared last. An image that knows
nothing of the store finds its workspace there, whatever the number of its segment."""

_READ = stat.S_IRUSR
_ENTER = stat.S_IRUSR | stat.S_IXUSR

_FICLONE = 0x40049409  # linux/fs.h: share the blocks of another file until one of them changes


def prepare(root: Path | str, thread: str, uid: str) -> Path:
    """Make a run's workspace, if it has none yet, and point `current` at it.

    It starts as a copy of the thread's newest kept one: regular files (with modes and times),
    directories, and links as links; sockets, pipes and devices stay behind. A workspace that is
    there already is the run's own from an earlier attempt, which goes on in it.
    Raises InvalidNameError, RunRolledBackError, OSError.
    """
    store_thread = Store(root).thread(thread)
    own = store_thread.segment_for(uid)
    if not _has_workspace(own):
        new = own.path / ".workspace.new"
        disk.remove_tree(new)  # left by a preparation that was cut
        kept = [s for s in store_thread.segments() if s.run != own.run and _has_workspace(s)]
        if kept:
            _copy_tree(kept[-1].workspace, new)
        else:
            new.mkdir()
        disk.sync_file_system(own.path)
        new.rename(own.workspace)
        disk.sync_dir(own.path)
    disk.grant(own.workspace, _ENTER)
    _point_current_at(store_thread, own)
    return own.workspace


def drop_workspaces(segments: Sequence[Segment], keep: int) -> None:
    """Remove all but the newest `keep` of the segments' workspaces. For tools, like a prune."""
    kept = [segment for segment in segments if _has_workspace(segment)][-keep:]
    for segment in segments:
        disk.refuse_link(segment.path)
        gone = segment.path / ".workspace.gone"
        if segment not in kept and _has_workspace(segment):
            disk.remove_tree(gone)
            # At once: of a workspace that is half removed, a run would make its copy.
            segment.workspace.rename(gone)
            disk.sync_dir(segment.path)
        disk.remove_tree(gone)  # also one left by a removal that was cut


def _has_workspace(segment: Segment) -> bool:
    disk.refuse_link(segment.workspace)
    return segment.workspace.is_dir()


def _point_current_at(thread: Thread, segment: Segment) -> None:
    new = thread.path / f".{CURRENT}.new"
    new.unlink(missing_ok=True)
    new.symlink_to(segment.workspace.relative_to(thread.path))
    new.replace(thread.path / CURRENT)
    disk.sync_dir(thread.path)


def _copy_tree(source: Path, target: Path) -> None:
    target.mkdir(0o700)
    with _attributes_kept(source, target, _ENTER), os.scandir(source) as entries:
        for entry in entries:
            copy = target / entry.name
            if entry.is_symlink():
                copy.symlink_to(Path(entry.path).readlink())
            elif entry.is_dir():
                _copy_tree(Path(entry.path), copy)
            elif entry.is_file():
                _copy_file(Path(entry.path), copy)


def _copy_file(source: Path, target: Path) -> None:
    with (
        _attributes_kept(source, target, _READ),
        source.open("rb") as old,
        target.open("xb") as new,
    ):
        try:
            fcntl.ioctl(new, _FICLONE, old.fileno())
        except OSError:  # there are many ways to say that this file system has no reflinks
            shutil.copyfileobj(old, new, 1 << 20)


@contextmanager
def _attributes_kept(source: Path, target: Path, needed: int) -> Iterator[None]:
    """Grant the needed permissions while the copy is made; then both have the mode of before."""
    mode = disk.grant(source, needed)
    try:
        yield
        # Last: the original may be read-only, and its times would change with every file.
        shutil.copystat(source, target)
        target.chmod(mode)
    finally:
        if needed & ~mode:
            source.chmod(mode)
