"""SIGTERM and SIGCHLD, blocked and read from a queue: without handlers there are no races."""

import os
import signal
import time

_TAKEN = frozenset({signal.SIGTERM, signal.SIGCHLD})


class SignalQueue:
    """The signals of this process. Make it once, early: it blocks them."""

    def __init__(self) -> None:
        self._inherited_mask = signal.pthread_sigmask(signal.SIG_BLOCK, _TAKEN)
        self._inherited_sigint = signal.getsignal(signal.SIGINT)
        if os.getpid() == 1:
            # Python's handler would end the supervisor, and any process of the agent may send it.
            signal.signal(signal.SIGINT, signal.SIG_IGN)
        self.stopped_at: float | None = None
        """When the first SIGTERM was taken (`time.monotonic`). Later ones change nothing."""

    def wait(self, until: float | None = None) -> None:
        """Wait for the next signal, at most until then (`time.monotonic`; None: no limit)."""
        if until is None:
            signum = signal.sigwaitinfo(_TAKEN).si_signo
        elif taken := signal.sigtimedwait(_TAKEN, max(0.0, until - time.monotonic())):
            signum = taken.si_signo
        else:
            return
        if signum == signal.SIGTERM and self.stopped_at is None:
            self.stopped_at = time.monotonic()

    def wake(self) -> None:
        """End the wait, from another thread, as if a child had ended."""
        os.kill(os.getpid(), signal.SIGCHLD)

    def exit_on_sigterm(self) -> None:
        """For work that can be cut anywhere. Without a handler, PID 1 ignores SIGTERM."""
        signal.signal(signal.SIGTERM, lambda *_: os._exit(128 + signal.SIGTERM))
        signal.signal(signal.SIGINT, self._inherited_sigint)
        signal.pthread_sigmask(signal.SIG_SETMASK, self._inherited_mask)

    def restore(self) -> None:
        """Restore a forked child's default signal handling."""
        for ignored_by_python in (signal.SIGPIPE, signal.SIGXFSZ):  # exec keeps ignored signals
            signal.signal(ignored_by_python, signal.SIG_DFL)
        signal.signal(signal.SIGINT, self._inherited_sigint)
        signal.pthread_sigmask(signal.SIG_SETMASK, self._inherited_mask)
