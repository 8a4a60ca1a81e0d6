"""Copies of trees of files that an agent has left, which may be on a read-only mount."""

import errno
import fcntl
import os
import shutil
import stat
from contextlib import ExitStack
from pathlib import Path

from . import disk
from .text import printable
from .tree import Cursor, cursor

_FICLONE = 0x40049409  # linux/fs.h: share the blocks of another file until one of them changes
_READ = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
_CREATE = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
# Errors of the source: the copy leaves the file out. Any other error (a full disk) ends the copy.
_UNREADABLE = (errno.EACCES, errno.EPERM, errno.ELOOP, errno.ENOTDIR, errno.ENOENT, errno.ENXIO)
_NAMED = 20


class Skipped:
    """The files and directories that could not be read."""

    def __init__(self) -> None:
        self.count = 0
        self._names: list[str] = []

    def add(self, name: str) -> None:
        self.count += 1
        if self.count <= _NAMED:
            self._names.append(printable(name))

    def message(self, source: Path) -> str:
        names = ", ".join(self._names) + (", ..." if self.count > _NAMED else "")
        return (
            f"{source}: {self.count} files or directories may not be read and are not copied: "
            f"{names}. The run that left them took the permissions away; let it leave its files "
            f"readable for the user of the pod"
        )


def copy_tree(source: Path, target: Path, skipped: Skipped) -> None:
    """Copy a directory, which need not be readable, to one that does not exist yet."""
    target.mkdir(0o700)
    with ExitStack() as opened:
        try:
            old = opened.enter_context(cursor(source))
        except OSError as error:
            _skip(error, source.name, skipped)
            return
        _copy_all(old, opened.enter_context(cursor(target)), skipped)


def _copy_all(old: Cursor, new: Cursor, skipped: Skipped) -> None:
    names: list[str] = []
    waiting = [_copy_files(old, new, "", skipped)]
    while True:
        while waiting[-1]:
            name = waiting[-1].pop()
            os.mkdir(name, 0o700, dir_fd=new.fd)
            where = "/".join([*names[-3:], name])
            try:
                old.down(name)
            except OSError as error:
                _skip(error, where, skipped)
                continue
            new.down(name)
            names.append(name)
            waiting.append(_copy_files(old, new, where + "/", skipped))
        waiting.pop()
        copy = os.dup(new.fd)
        try:
            if waiting:
                new.up()
            # Last: the original may be read-only, and each new file changes the copy's times.
            shutil.copystat(f"/proc/self/fd/{old.fd}", f"/proc/self/fd/{copy}")
        finally:
            os.close(copy)
        if not waiting:
            return
        old.up()
        names.pop()


def _copy_files(old: Cursor, new: Cursor, where: str, skipped: Skipped) -> list[str]:
    """Copy the files of one directory, and return the names of its directories."""
    directories = []
    with os.scandir(old.fd) as entries:
        for entry in entries:
            if entry.is_symlink():
                link = os.readlink(entry.name, dir_fd=old.fd)
                os.symlink(link, entry.name, dir_fd=new.fd)
            elif entry.is_dir():
                directories.append(entry.name)
            elif entry.is_file():
                try:
                    source = os.open(entry.name, _READ, dir_fd=old.fd)
                except OSError as error:
                    _skip(error, where + entry.name, skipped)
                    continue
                with os.fdopen(source, "rb", buffering=0):
                    _copy_file(source, entry.name, new.fd)
    return directories


def _copy_file(source: int, name: str, directory: int) -> None:
    if not stat.S_ISREG(os.fstat(source).st_mode):
        return
    target = os.open(name, _CREATE, 0o600, dir_fd=directory)
    try:
        try:
            fcntl.ioctl(target, _FICLONE, source)
        except OSError:  # file systems without reflinks have many errors for it
            disk.copy_data(source, target)
        shutil.copystat(f"/proc/self/fd/{source}", f"/proc/self/fd/{target}")
    finally:
        os.close(target)


def _skip(error: OSError, name: str, skipped: Skipped) -> None:
    if error.errno not in _UNREADABLE:
        raise error
    skipped.add(name)
