"""Directory trees as agents leave them: of any depth, with any modes, with any kind of file.

This module builds no path below the top of a tree, does not recurse, and follows no link: the
kernel limits paths to 4096 bytes and Python its stack, but no file system limits a tree's depth.
"""

import errno
import os
import secrets
import stat
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

DIRECTORY = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
_NAMED = os.O_PATH | os.O_NOFOLLOW | os.O_CLOEXEC  # needs no permission to read
_NOT_EMPTY = (errno.ENOTEMPTY, errno.EEXIST)


class Cursor:
    """A place in a tree. It has one directory open at a time."""

    def __init__(self, fd: int) -> None:
        self.fd = fd
        """The directory that the cursor is at."""
        self._above: list[tuple[int, int]] = []

    def down(self, name: str) -> None:
        """Move into a directory. Raises OSError, also if the directory may not be searched."""
        fd = os.open(name, DIRECTORY, dir_fd=self.fd)
        try:
            os.stat(".", dir_fd=fd)
        except OSError:
            os.close(fd)
            raise
        self._above.append(_identity(self.fd))
        self._move(fd)

    def up(self) -> None:
        """Move back up. Raises OSError if the directory was moved meanwhile."""
        fd = os.open("..", DIRECTORY, dir_fd=self.fd)
        if _identity(fd) != self._above.pop():
            os.close(fd)
            raise OSError(errno.ESTALE, "a directory was moved while the store read it; retry")
        self._move(fd)

    def _move(self, fd: int) -> None:
        os.close(self.fd)
        self.fd = fd


@contextmanager
def cursor(top: Path) -> Iterator[Cursor]:
    """A cursor at the top of a tree. Raises OSError if the top may not be read, or if it or its
    parent is a link."""
    above = os.open(top.parent, _NAMED | os.O_DIRECTORY)
    try:
        at = Cursor(os.open(top.name, DIRECTORY, dir_fd=above))
    finally:
        os.close(above)
    try:
        os.stat(".", dir_fd=at.fd)
        yield at
    finally:
        os.close(at.fd)


def stats(top: Path) -> Iterator[os.stat_result]:
    """The status of everything below a directory. Skips what it cannot read and what disappears."""
    with cursor(top) as at:
        waiting = [_subdirectories(at.fd)]
        yield from _stats_in(at.fd)
        while waiting:
            if not waiting[-1]:
                waiting.pop()
                if waiting:
                    at.up()
                continue
            try:
                at.down(waiting[-1].pop())
            except OSError:
                continue
            waiting.append(_subdirectories(at.fd))
            yield from _stats_in(at.fd)


def _subdirectories(directory: int) -> list[str]:
    with os.scandir(directory) as entries:
        return [entry.name for entry in entries if entry.is_dir(follow_symlinks=False)]


def _stats_in(directory: int) -> Iterator[os.stat_result]:
    with os.scandir(directory) as entries:
        for entry in entries:
            with suppress(FileNotFoundError):
                yield entry.stat(follow_symlinks=False)


def grant(path: Path, permissions: int) -> None:
    """Give the owner the missing permissions on a file or directory, if this process may.

    An agent may have removed them. Links and their targets stay as they are.
    """
    with suppress(OSError):
        os.close(_granted(str(path), permissions))


def remove(path: Path) -> None:
    """Remove `path`, whatever it is, if it exists.

    Raises OSError when something in it cannot be removed, after removing all else.
    """
    try:
        is_directory = stat.S_ISDIR(path.lstat().st_mode)
    except FileNotFoundError:
        return
    if not is_directory:
        path.unlink(missing_ok=True)
        return
    with suppress(FileNotFoundError):  # another clean-up removes it too
        top = _open_granted(str(path))
        try:
            _empty(top, top)
        finally:
            os.close(top)
        with suppress(PermissionError):  # see `_take`
            path.rmdir()


def _empty(directory: int, top: int) -> None:
    """Remove all files and empty directories in a directory, and move the other directories to the
    top, where the same is done with each. So the depth of a tree costs nothing."""
    while True:
        is_changed, problem = False, None
        with os.scandir(directory) as entries:
            for entry in entries:
                try:
                    is_changed |= _take(entry, directory, top)
                except FileNotFoundError:
                    is_changed = True
                except OSError as error:
                    problem = error
        if not is_changed:
            if problem is not None:
                raise problem
            return


def _take(entry: "os.DirEntry[str]", directory: int, top: int) -> bool:
    """Remove the entry, or move it to the top; whether the directory no longer has it. An empty
    directory of another user may have to stay.

    The kubelet makes the directories that it mounts, as root. On a volume whose root has the sticky
    bit, they have it too, and then only root may remove them.
    """
    if not entry.is_dir(follow_symlinks=False):
        os.unlink(entry.name, dir_fd=directory)
        return True
    try:
        os.rmdir(entry.name, dir_fd=directory)
        return True
    except OSError as error:
        if error.errno not in (*_NOT_EMPTY, errno.EPERM, errno.EACCES):
            raise
    inner = _open_granted(entry.name, directory)  # moving a directory needs rights on it, too
    try:
        if directory == top:
            _empty(inner, top)
        elif not _is_empty(inner):
            os.rename(entry.name, secrets.token_hex(16), src_dir_fd=directory, dst_dir_fd=top)
            return True
    finally:
        os.close(inner)
    try:
        os.rmdir(entry.name, dir_fd=directory)
    except PermissionError:
        return False
    return True


def _is_empty(directory: int) -> bool:
    with os.scandir(directory) as entries:
        return next(entries, None) is None


def _open_granted(name: str, directory: int | None = None) -> int:
    """Open a directory for listing and changing it."""
    named = _granted(name, stat.S_IRWXU, directory)
    try:
        return os.open(".", DIRECTORY, dir_fd=named)
    finally:
        os.close(named)


def _granted(name: str, permissions: int, directory: int | None = None) -> int:
    """Open `name` with O_PATH, after granting the permissions if this process may."""
    fd = os.open(name, _NAMED, dir_fd=directory)
    mode = os.fstat(fd).st_mode
    if permissions & ~mode and not stat.S_ISLNK(mode):
        with suppress(PermissionError):
            os.chmod(f"/proc/self/fd/{fd}", stat.S_IMODE(mode) | permissions)  # noqa: PTH101
    return fd


def _identity(fd: int) -> tuple[int, int]:
    found = os.fstat(fd)
    return found.st_dev, found.st_ino
