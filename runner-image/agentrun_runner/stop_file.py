"""The file by which the operator shortens a stop that has begun: seconds as text.

A kubelet keeps to the grace period with which it began to stop a pod, and nothing else reaches a
pod that is being stopped. The pod has the directory of the file read-only, and a Job of the
operator writes it: see `agentrun_store/stops.py`.
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
    """Read in a thread, for a volume may hang: nothing waits for it, and the supervisor ends
    without it. A process the agent could kill, which has the same user.

    The thread is there from the start: an agent that is to be stopped may leave none to make.
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
        """Follow the file from now on."""
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
    """The seconds that it says; None for anything else that may be there."""
    try:
        fd = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
        try:
            text = os.read(fd, _LONGEST) if stat.S_ISREG(os.fstat(fd).st_mode) else b""
        finally:
            os.close(fd)
    except OSError:
        return None
    return int(text) if text.isdigit() else None
