"""The store's errors, besides OSError. Every message names the object and the fix."""

from pathlib import Path


class StoreError(Exception):
    """The store cannot do what its caller requests."""


class InvalidNameError(StoreError, ValueError):
    """A thread or run name that the store builds no path from."""


class CorruptSegmentError(StoreError):
    """A segment's log is damaged in a place that no crash can damage."""

    def __init__(self, path: Path, offset: int, what: str) -> None:
        self.path = path
        self.offset = offset
        super().__init__(
            f"{path}, offset {offset}: {what}. The volume, or the run's agent, lost or changed "
            f"data here. The thread's other segments can still be read: roll this run back, or "
            f"start a run from a checkpoint of an older one (spec.checkpoint.id)"
        )


class UnreadableFileError(StoreError):
    """In place of one of the store's files there is something else, or an unreadable file."""

    def __init__(self, path: Path, why: str) -> None:
        self.why = why
        super().__init__(f"{path} cannot be read as a file: {why}; remove it")


class SegmentOrderError(StoreError):
    """The run's segment would come before the segment of an older run."""

    def __init__(self, own: Path, later: Path) -> None:
        super().__init__(
            f"{own.name}, the run's segment, would come before {later.name}, which holds what "
            f"another run wrote earlier. The operator takes the numbers from its clock: check the "
            f"clocks of the nodes that it runs on, then create a new AgentRun"
        )


class LogChangedError(StoreError):
    """Another process replaced a log after its index was made. It is not damaged: retry."""

    def __init__(self, path: Path) -> None:
        super().__init__(f"{path} changed while it was being read; retry")


class RunRolledBackError(StoreError):
    """The run was rolled back: the store refuses its writes."""

    def __init__(self, run: str) -> None:
        super().__init__(f"run {run} was rolled back: it can write no more; create a new AgentRun")


class SegmentBusyError(StoreError):
    """Another process wrote to a segment that has one writer."""

    def __init__(self, path: Path) -> None:
        super().__init__(
            f"{path} was changed or removed by another process. A segment has one writer, its own "
            f"run's pod: stop the other one, then start the run again"
        )
