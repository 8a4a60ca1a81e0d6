"""What a run left in the store, for its termination report."""

from pathlib import Path

from .run_thread import RunThread


def summary(root: Path | str, thread: str, uid: str) -> tuple[str | None, int]:
    """`RunThread.summary`, of the run and the thread that are named so."""
    return RunThread(root, thread, uid).summary()
