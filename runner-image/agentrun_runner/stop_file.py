"""The file by which the operator shortens a stop that has begun: seconds as text.

A kubelet keeps to the grace period with which it began to stop a pod, and the operator has no other
way to reach such a pod. The pod mounts the file's directory read-only, and a Job of the operator
writes the file: see `agentrun_store/stops.py`.
"""

import _thread
import os
import stat
import time
from pathlib import Path

from . import events, runfile
from .clock import Clock
from .signals import SignalQueue

_EVERY_SECONDS = 0.5
_LONGEST = 20  # bytes


def path_of(run: runfile.Run) -> Path:
    return runfile.STORE / run.thread / "stops" / run.uid


class StopFile:
    """Read by a thread, since a volume may hang: the supervisor neither waits for it nor needs it
    to end. A process would have the agent's user, so the agent could kill it.

    The thread exists from the start: an agent may have used up all threads when it is stopped.
    """

    def __init__(self, path: Path, signals: SignalQueue, clock: Clock) -> None:
        self._path = path
        self._signals = signals
        self._clock = clock
        self._stopping = _thread.allocate_lock()
        self._stopping.acquire()
        try:
            _thread.start_new_thread(self._follow, ())
        except RuntimeError as error:
            events.warn(f"no cancelGracePeriodSeconds can shorten a stop that has begun: {error}")

    def watch(self) -> None:
        """Start to follow the file."""
        self._stopping.release()

    def _follow(self) -> None:
        self._stopping.acquire()
        last = None
        while True:
            seconds = read(self._path)
            if seconds is not None and seconds != last:
                last = seconds
                self._clock.shorten(seconds)
                self._signals.wake()
            time.sleep(_EVERY_SECONDS)


def read(path: Path) -> int | None:
    """The seconds in the file; None for anything but a valid file."""
    try:
        fd = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
        try:
            text = os.read(fd, _LONGEST) if stat.S_ISREG(os.fstat(fd).st_mode) else b""
        finally:
            os.close(fd)
    except OSError:
        return None
    return int(text) if text.isdigit() else None
