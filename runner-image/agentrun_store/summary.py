"""A run's checkpoints in the store, for its termination report."""

from pathlib import Path

from .run_thread import RunThread


def summary(root: Path | str, thread: str, uid: str) -> tuple[str | None, int]:
    """`RunThread.summary` of the run and the thread of these names."""
    return RunThread(root, thread, uid).summary()
