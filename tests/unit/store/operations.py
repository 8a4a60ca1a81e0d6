"""Counts the file operations of the store: on NFS each is a round trip."""

import os
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from typing import Any
from unittest import mock

COUNTED = (
    *("open", "stat", "lstat", "listdir", "scandir", "readlink"),
    *("read", "pread", "write", "pwrite", "fsync", "fdatasync", "ftruncate"),
    *("mkdir", "rename", "replace", "link", "symlink", "unlink", "rmdir", "chmod"),
)


@contextmanager
def counted() -> Iterator[Counter[str]]:
    """The number of calls of each function of `os`."""
    calls: Counter[str] = Counter()

    def counting(name: str, real: Callable[..., Any]) -> Callable[..., Any]:
        def call(*args: Any, **kwargs: Any) -> Any:
            calls[name] += 1
            return real(*args, **kwargs)

        return call

    with ExitStack() as patches:
        for name in COUNTED:
            replacement = counting(name, getattr(os, name))
            patches.enter_context(mock.patch.object(os, name, replacement))
        yield calls
