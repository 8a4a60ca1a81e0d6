"""The two checkpointers, opened as a run would open them.

At equal durability: what `put` returned for is on disk. Our store calls fdatasync each time. SQLite
syncs its log each time in WAL mode, which SqliteSaver chooses, with synchronous=FULL:
https://www.sqlite.org/pragma.html#pragma_synchronous
"""

import os
import sqlite3
from collections.abc import Iterator
from contextlib import AbstractContextManager, closing, contextmanager
from pathlib import Path
from typing import Any, Protocol
from unittest import mock

from langgraph.checkpoint.base import BaseCheckpointSaver
from langgraph.checkpoint.sqlite import SqliteSaver

from agentrun_store.checkpointer import StoreSaver

Saver = BaseCheckpointSaver[Any]


class Side(Protocol):
    name: str

    def opened(self, run: str, /) -> AbstractContextManager[Saver]:
        """A new saver, as in a new process, for a run with that UID."""

    def filling(self, run: str, /) -> AbstractContextManager[Saver]:
        """One that does not wait for the disk, to prepare a thread with."""


class Ours:
    name = "StoreSaver"

    def __init__(self, root: Path) -> None:
        self.root = root / "ours"
        self.root.mkdir(parents=True)

    @contextmanager
    def opened(self, run: str) -> Iterator[Saver]:
        yield StoreSaver(self.root, run=run)

    @contextmanager
    def filling(self, run: str) -> Iterator[Saver]:
        with mock.patch.object(os, "fdatasync"), self.opened(run) as saver:
            yield saver


class Sqlite:
    name = "SqliteSaver"

    def __init__(self, root: Path) -> None:
        self._path = root / "checkpoints.sqlite"

    @contextmanager
    def opened(self, _run: str, /) -> Iterator[Saver]:
        with self._connected("FULL") as connection:
            yield SqliteSaver(connection)

    @contextmanager
    def filling(self, _run: str, /) -> Iterator[Saver]:
        with self._connected("OFF") as connection:
            yield SqliteSaver(connection)

    def pragmas(self) -> str:
        """What is in force while it is measured, as SQLite itself says it."""
        names = ("journal_mode", "synchronous", "wal_autocheckpoint")
        with self._connected("FULL") as connection:
            SqliteSaver(connection).setup()
            values = [connection.execute(f"PRAGMA {name}").fetchone()[0] for name in names]
        return ", ".join(f"{name}={value}" for name, value in zip(names, values, strict=True))

    @contextmanager
    def _connected(self, synchronous: str) -> Iterator[sqlite3.Connection]:
        with closing(sqlite3.connect(self._path)) as connection:
            connection.execute(f"PRAGMA synchronous={synchronous}")
            yield connection
