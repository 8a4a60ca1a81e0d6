"""Changes of directories that are on disk when the call returns, and can be cut anywhere; and
opening files that an agent may have replaced by something else."""

import ctypes
import errno
import os
import stat
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path, PurePath

from . import tree
from .errors import StoreError, UnreadableFileError

_STEP = 1 << 20  # bytes
_PARENT = os.O_PATH | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
# Errors of opening a link, a socket, a file in place of the directory; and of permissions.
_UNREADABLE = (errno.ELOOP, errno.ENXIO, errno.ENOTDIR, errno.EACCES, errno.EPERM)
# Errors of syncing a directory that this process may not open, or a read-only mount.
_NOT_OURS = (errno.EACCES, errno.EPERM, errno.EROFS, errno.EINVAL)
_KINDS = {
    stat.S_IFDIR: "a directory",
    stat.S_IFIFO: "a pipe",
    stat.S_IFCHR: "a device",
    stat.S_IFBLK: "a device",
}


def open_regular(path: Path, flags: int = os.O_RDONLY) -> int:
    """Open a regular file: never a pipe, which has no end, nor a link to one.

    Raises UnreadableFileError for anything but a regular file, and OSError.
    """
    try:
        parent = os.open(path.parent, _PARENT)
        try:
            flags |= os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
            fd = os.open(path.name, flags, 0o666, dir_fd=parent)
        finally:
            os.close(parent)
    except OSError as error:
        if path.is_symlink():
            raise UnreadableFileError(path, "it is a symbolic link") from None
        if path.parent.is_symlink():
            raise UnreadableFileError(path, "its directory is a symbolic link") from None
        if error.errno in _UNREADABLE:
            raise UnreadableFileError(path, os.strerror(error.errno)) from None
        raise
    mode = os.fstat(fd).st_mode
    if stat.S_ISREG(mode):
        return fd
    os.close(fd)
    raise UnreadableFileError(path, f"it is {_KINDS.get(stat.S_IFMT(mode), 'no file')}")


def sync_dir(path: Path) -> None:
    """Put a directory's entries on disk: a file's own fsync does not cover its name."""
    fd = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(fd)
    finally:
        os.close(fd)


def sync_file_system(path: Path) -> None:
    """Put all of a file system on disk: one fsync each takes seconds for thousands of files."""
    libc = ctypes.CDLL(None, use_errno=True)
    fd = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        if libc.syncfs(fd) != 0:
            raise OSError(ctypes.get_errno(), "syncfs failed", str(path))
    finally:
        os.close(fd)


def make_dirs(root: Path, below: PurePath) -> Path:
    """Make the missing directories of `root/below`, and return it.

    It also syncs those that exist: the process that made them may have died before its sync.
    """
    path = root
    for part in below.parts:
        parent, path = path, path / part
        with suppress(FileExistsError):
            path.mkdir()
        refuse_link(path)
        sync_dir(parent)
    return path


def sync_given_dirs(root: Path, below: PurePath) -> None:
    """Put `root/below`, which the kubelet has made, on disk, as far as a pod can.

    A pod has no rights on the directories above its own, and does not even see the topmost. This
    skips those that it may not open. The file systems that the kubelet mounts make a directory and
    its name in one transaction, so that the fsync of the lowest one covers its parents.
    """
    path = root
    for part in below.parts:
        path /= part
        try:
            sync_dir(path)
        except OSError as error:
            if error.errno not in _NOT_OURS:
                raise


def refuse_link(path: Path) -> None:
    """Raises StoreError for a link: the store makes none to directories, so an agent made it."""
    if path.is_symlink():
        raise StoreError(f"{path} is a symbolic link, where the store has a directory; remove it")


def list_dir(path: Path) -> list[str]:
    """The names in a directory; an empty list when it does not exist."""
    refuse_link(path)
    try:
        return os.listdir(path)  # noqa: PTH208 - names are wanted, not paths
    except FileNotFoundError:
        return []


def write_all(fd: int, data: bytes, offset: int) -> None:
    """Write all of the data: one pwrite may write less (a full disk, a signal, over 2 GiB)."""
    rest = memoryview(data)
    while rest:
        done = os.pwrite(fd, rest, offset)
        rest, offset = rest[done:], offset + done


def replace_file(path: Path, chunks: Iterable[bytes]) -> None:
    """Make `path` hold `chunks`: the old content or the new at any moment, never a part."""
    with replacement(path) as fd:
        offset = 0
        for chunk in chunks:
            write_all(fd, chunk, offset)
            offset += len(chunk)


@contextmanager
def replacement(path: Path) -> Iterator[int]:
    """A new file to write to; it replaces `path` at the end of the block."""
    new = path.with_name(f".{path.name}.new")
    tree.remove(new)  # left by a replacement that was cut
    fd = os.open(new, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC, 0o666)
    try:
        yield fd
        os.fsync(fd)
        if not os.path.samestat(os.fstat(fd), new.lstat()):
            raise OSError(errno.EBUSY, "another process replaces the file as well", str(path))
    finally:
        os.close(fd)
    new.replace(path)
    sync_dir(path.parent)


def copy_data(source: int, target: int) -> None:
    """Copy the content of an open file into a new one. Holes stay holes: an agent can make one that
    is larger than any volume."""
    size, at = os.fstat(source).st_size, 0
    while at < size:
        try:
            start = os.lseek(source, at, os.SEEK_DATA)
        except OSError as error:
            if error.errno != errno.ENXIO:  # from here on there is no data
                raise
            break
        at = os.lseek(source, start, os.SEEK_HOLE)
        for offset in range(start, at, _STEP):
            write_all(target, os.pread(source, min(_STEP, at - offset), offset), offset)
    os.ftruncate(target, size)
