"""Fixtures of the store's tests."""

import json
import os
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from agentrun_store import tree
from agentrun_store.tool import cli

NOBODY = 65534


@pytest.fixture
def fast_disk(monkeypatch: pytest.MonkeyPatch) -> None:
    """No waiting for the disk, in tests that write thousands of logs and cut no power."""
    monkeypatch.setattr(os, "fsync", lambda _: None)
    monkeypatch.setattr(os, "fdatasync", lambda _: None)


@pytest.fixture
def unprivileged() -> Iterator[Path]:
    """An empty directory, and a user whom file permissions hold back, which root's do not."""
    with tempfile.TemporaryDirectory() as directory:
        user = os.geteuid()
        if user == 0:
            os.chown(directory, NOBODY, NOBODY)
            os.seteuid(NOBODY)
        try:
            yield Path(directory)
        finally:
            os.seteuid(user)
            empty(Path(directory))


@pytest.fixture
def any_trees(tmp_path: Path) -> Iterator[Path]:
    """`tmp_path`, for trees that are too deep for pytest to remove."""
    yield tmp_path
    empty(tmp_path)


def empty(directory: Path) -> None:
    for path in directory.iterdir():
        tree.remove(path)


class Typed(NamedTuple):
    """The result of a command of `agentrun-store`."""

    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        return json.loads(self.out)


Tool = Callable[..., Typed]


@pytest.fixture
def tool(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Tool:
    """`agentrun-store` on the store `tmp_path`."""

    def run(*arguments: str) -> Typed:
        try:
            code = cli.main(["--store", str(tmp_path), *arguments])
        except SystemExit as exit:
            code = int(exit.code or 0)
        return Typed(code, *capsys.readouterr())

    return run
