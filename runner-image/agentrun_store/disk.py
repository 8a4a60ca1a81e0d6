"""Changes of directories that are on disk when the call returns, and can be cut anywhere."""

import ctypes
import os
import shutil
import stat
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path, PurePath

from agentrun_store.errors import StoreError


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
    """Make `root/below` as far as it is missing, and return it.

    Also what was there already is synced: who made it may have died before doing so.
    """
    path = root
    for part in below.parts:
        parent, path = path, path / part
        with suppress(FileExistsError):
            path.mkdir()
        refuse_link(path)
        sync_dir(parent)
    return path


def refuse_link(path: Path) -> None:
    """The store has no links to directories; an agent that made one wants to lead us elsewhere."""
    if path.is_symlink():
        raise StoreError(f"{path} is a symbolic link, where the store has a directory; remove it")


def list_dir(path: Path) -> list[str]:
    """The names in a directory; none when it does not exist."""
    refuse_link(path)
    try:
        return os.listdir(path)  # noqa: PTH208 - names are wanted, not paths
    except FileNotFoundError:
        return []


def write_all(fd: int, data: bytes, offset: int) -> None:
    """pwrite may write less than it was given (a full disk, a signal, over 2 GiB)."""
    rest = memoryview(data)
    while rest:
        done = os.pwrite(fd, rest, offset)
        rest, offset = rest[done:], offset + done


def replace_file(path: Path, chunks: Iterable[bytes]) -> None:
    """Make `path` hold `chunks`: the old content or the new at any moment, never a part."""
    new = path.with_name(f".{path.name}.new")
    fd = os.open(new, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_NOFOLLOW | os.O_CLOEXEC, 0o666)
    try:
        offset = 0
        for chunk in chunks:
            write_all(fd, chunk, offset)
            offset += len(chunk)
        os.fsync(fd)
    finally:
        os.close(fd)
    new.replace(path)
    sync_dir(path.parent)


def remove_tree(path: Path) -> None:
    """Remove what is at `path`, if anything; links are removed, never followed."""
    if path.is_symlink():
        path.unlink()
        return
    try:
        shutil.rmtree(path)
    except FileNotFoundError:
        if path.exists():  # another clean-up is at it too
            remove_tree(path)
    except PermissionError:
        _make_writable(path)
        shutil.rmtree(path)


def grant(path: Path, permissions: int) -> int:
    """Give the owner what is missing of the permissions; the mode before.

    An agent may take them from what it leaves. That is its own, so ours.
    """
    mode = stat.S_IMODE(path.stat().st_mode)
    if permissions & ~mode:
        path.chmod(mode | permissions)
    return mode


def _make_writable(path: Path) -> None:
    grant(path, stat.S_IRWXU)
    for top, names, _ in os.walk(path):
        for name in names:
            child = Path(top, name)
            if not child.is_symlink():
                grant(child, stat.S_IRWXU)
