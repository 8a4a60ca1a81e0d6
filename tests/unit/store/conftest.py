"""Fixtures of the store's tests."""

import os
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

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
