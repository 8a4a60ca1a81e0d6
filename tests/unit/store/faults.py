"""A layer between the store and the os module, at every call that changes the disk.

It counts these calls, can kill the process or fail at any of them, and knows the changes that a
power cut would lose, since no sync followed.
"""

import errno
import os
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any, Literal, get_args
from unittest import mock

from agentrun_store.disk import sync_file_system

Fault = Literal[
    "killed before", "killed after", "killed half-way", "disk full", "disk full half-way"
]
FAULTS: tuple[Fault, ...] = get_args(Fault)

_CHANGING = (
    *("open", "pwrite", "ftruncate", "fsync", "fdatasync"),
    *("mkdir", "rename", "replace", "symlink", "link", "unlink", "rmdir"),
)


# The arguments that are names which the call makes or removes; the first one if not listed.
_NAMES = {
    "rename": slice(2),
    "replace": slice(2),
    "symlink": slice(1, 2),
    "link": slice(1, 2),
}


class KilledError(BaseException):
    """The process died. None of its later calls reaches the disk."""


class Disk:
    def __init__(self, fault: Fault | None = None, at: int = -1) -> None:
        self.fault = fault
        self.at = at
        self.calls: list[tuple[str, str]] = []
        """(function, path) of each changing call, in order."""
        self.unsynced: dict[int, str] = {}
        """inode -> path of files and directories that a power cut would undo."""
        self.killed = False
        self._real = {name: getattr(os, name) for name in _CHANGING}
        self._real["syncfs"] = sync_file_system

    def call(self, name: str, *args: Any, **kwargs: Any) -> Any:
        real = self._real[name]
        if self.killed:
            raise KilledError
        if name == "open" and not args[1] & os.O_CREAT:
            return real(*args, **kwargs)
        hit = len(self.calls) == self.at
        self.calls.append((name, self._path(args[0], kwargs)))
        if not hit:
            return self._tracked(name, args, kwargs)
        if self.fault in ("killed half-way", "disk full half-way") and name == "pwrite":
            fd, data, offset = args
            self._tracked(name, (fd, data[: len(data) // 2], offset), {})
        if self.fault == "killed after":
            self._tracked(name, args, kwargs)
        if self.fault in ("disk full", "disk full half-way"):
            raise OSError(errno.ENOSPC, "no space left on device")
        self.killed = True
        raise KilledError

    def _tracked(self, name: str, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        where = args[0]
        if name in ("rename", "replace"):
            inode = os.lstat(where, dir_fd=kwargs.get("src_dir_fd")).st_ino
            assert inode not in self.unsynced, f"{where} is given its name before it is on disk"
        if name in ("unlink", "rmdir"):
            self.unsynced.pop(os.lstat(where, dir_fd=kwargs.get("dir_fd")).st_ino, None)
        is_new = name != "open" or not Path(where).exists()
        result = self._real[name](*args, **kwargs)
        if name == "syncfs":
            self.unsynced.clear()
        elif name in ("fsync", "fdatasync"):
            self.unsynced.pop(os.fstat(where).st_ino, None)
        elif name in ("pwrite", "ftruncate"):
            self._changed(os.fstat(where).st_ino, self._path(where, {}))
        elif directories := [fd for key, fd in kwargs.items() if key.endswith("dir_fd")]:
            for fd in filter(None, directories):
                self._changed(os.fstat(fd).st_ino, f"the directory of {where}")
        elif is_new:
            for path in args[_NAMES.get(name, slice(1))]:
                parent = Path(path).parent
                self._changed(parent.stat().st_ino, str(parent))
        return result

    def _changed(self, inode: int, path: str) -> None:
        self.unsynced[inode] = path

    def _path(self, where: Any, kwargs: dict[str, Any]) -> str:
        if isinstance(where, int):
            return str(Path(f"/proc/self/fd/{where}").readlink())
        directory = kwargs.get("dir_fd") or kwargs.get("src_dir_fd")
        if directory is not None:
            return f"{self._path(directory, {})}/{where}"
        return str(where)


@contextmanager
def faulty(fault: Fault | None = None, at: int = -1) -> Iterator[Disk]:
    """Inject the fault at the changing call number `at`."""
    disk = Disk(fault, at)

    def replacement(name: str) -> Callable[..., Any]:
        return lambda *args, **kwargs: disk.call(name, *args, **kwargs)

    with ExitStack() as patches:
        for name in _CHANGING:
            patches.enter_context(mock.patch.object(os, name, replacement(name)))
        syncfs = mock.patch("agentrun_store.disk.sync_file_system", replacement("syncfs"))
        patches.enter_context(syncfs)
        yield disk
