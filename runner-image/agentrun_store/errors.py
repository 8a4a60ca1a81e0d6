"""What can go wrong in the store, besides OSError. Every message names the thing and the fix."""

from pathlib import Path


class StoreError(Exception):
    """The store cannot do what was asked."""


class InvalidNameError(StoreError, ValueError):
    """A thread or run name that the store builds no path from."""


class CorruptSegmentError(StoreError):
    """A segment's log is damaged in a place where no crash can have damaged it."""

    def __init__(self, path: Path, offset: int, what: str) -> None:
        self.path = path
        self.offset = offset
        super().__init__(
            f"{path}, offset {offset}: {what}. The volume lost or changed data here. The thread's "
            f"other segments can still be read: roll this run back, or start a run from a "
            f"checkpoint of an older one (spec.checkpoint.id)"
        )


class LogChangedError(StoreError):
    """A log is no longer the one that its index was made of: no damage, look again."""

    def __init__(self, path: Path) -> None:
        super().__init__(f"{path} was replaced or removed while it was read: do the same again")


class RunRolledBackError(StoreError):
    """The run was rolled back: nothing is written for it any more."""

    def __init__(self, run: str) -> None:
        super().__init__(f"run {run} was rolled back: it can write no more; create a new AgentRun")


class SegmentBusyError(StoreError):
    """Somebody else wrote to a segment that has one writer."""

    def __init__(self, path: Path) -> None:
        super().__init__(
            f"{path} was changed or removed by somebody else. A segment has one writer, its own "
            f"run's pod: stop the other one, then start the run again"
        )
