"""Child processes of the supervisor: start, signal, await in bounded time, leave none alive."""

import os
import signal
import sys
import time
from collections.abc import Callable
from contextlib import suppress

from . import events
from .result import Result, ResultSlot
from .signals import SignalQueue


class Child:
    """A forked child in a session, and so a process group, of its own."""

    def __init__(self, body: Callable[[], None], signals: SignalQueue) -> None:
        self.pid = os.fork()
        if self.pid == 0:
            try:
                os.setsid()
                signals.restore()
                body()
                os._exit(0)
            except BaseException:
                sys.excepthook(*sys.exc_info())
                sys.stderr.flush()
            finally:
                os._exit(1)

    def ended(self) -> bool:
        """Whether the child is dead. Reaps dead orphans but not the child, which keeps its PID."""
        while dead := os.waitid(os.P_ALL, 0, os.WEXITED | os.WNOHANG | os.WNOWAIT):
            if dead.si_pid == self.pid:
                return True
            os.waitpid(dead.si_pid, 0)
        return False

    def wait(
        self,
        signals: SignalQueue,
        until: Callable[[], float],
        unless: Callable[[], bool] = lambda: False,
    ) -> bool:
        """Wait until the child is dead, at most until `until()` or `unless()`. Returns whether it
        is dead."""
        while not (ended := self.ended()) and not unless() and time.monotonic() < until():
            signals.wait(until())
        return ended

    def signal(self, signum: int) -> None:
        """Signal the child's process group; the child alone when it has not yet made its group."""
        try:
            os.killpg(self.pid, signum)
        except ProcessLookupError:
            os.kill(self.pid, signum)

    def exit_code(self) -> int:
        """Reap the dead child. Returns its exit code, or minus the signal that killed it."""
        return os.waitstatus_to_exitcode(os.waitpid(self.pid, 0)[1])


def kill_all(signals: SignalQueue, until: Callable[[], float]) -> None:
    """Kill and reap all other processes: as PID 1 those of the namespace, else all descendants,
    which become children of this process when their parents end.

    Gives up at `until()`: a process that hangs in the kernel must not prevent the report.
    """
    while True:
        for pid in [-1] if os.getpid() == 1 else _children():
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        try:
            dead = os.waitid(os.P_ALL, 0, os.WEXITED | os.WNOHANG)
        except ChildProcessError:
            return
        if dead is None:
            if time.monotonic() >= until():
                return
            signals.wait(until())


def _children() -> list[int]:
    pid = os.getpid()
    try:
        with open(f"/proc/self/task/{pid}/children") as file:  # noqa: PTH123 - pathlib is slow
            return [int(child) for child in file.read().split()]
    except OSError:
        return []


def bounded(
    function: Callable[[], Result], signals: SignalQueue, until: Callable[[], float]
) -> Result | None:
    """The function's result, or None when it has none at `until()`.

    It runs in a process: the supervisor can end without one that hangs on a volume.
    """
    slot = ResultSlot.create()
    try:
        child = Child(lambda: slot.seal(function()), signals)
    except OSError as error:  # no memory, or no process left
        events.warn(f"cannot fork: {error}")
        return None
    if not child.wait(signals, until):
        child.signal(signal.SIGKILL)
    return slot.read()
