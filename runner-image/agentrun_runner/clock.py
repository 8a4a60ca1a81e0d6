"""How the supervisor divides the grace period."""

import math
import time

from .signals import SignalQueue

_WRAP_UP_SECONDS = 10.0  # for the report on an agent that ended by itself, its volume permitting


class Clock:
    """The deadlines of a stop, in seconds of `time.monotonic`.

    After SIGTERM the kubelet's SIGKILL is certain, and it ends the supervisor too. So the
    supervisor reserves the last part of the grace period, a third of it but 0.5 s to 2 s: when it
    begins, the supervisor kills the agent, and then writes the termination report. On a busy node
    that takes most of it.
    """

    def __init__(self, grace: float, signals: SignalQueue) -> None:
        self._own = min(2.0, max(0.5, grace / 3))
        self._agents = max(0.0, grace - self._own)
        self._signals = signals
        self._kill_by = math.inf
        self._ended_at = 0.0

    def shorten(self, seconds: float) -> None:
        """Have the agent killed in so many seconds, if the grace period does not end sooner."""
        self._kill_by = min(self._kill_by, time.monotonic() + seconds)

    def kill_at(self) -> float:
        """The time to kill an agent that is being stopped; infinite before SIGTERM."""
        stopped_at = self._signals.stopped_at
        return math.inf if stopped_at is None else min(stopped_at + self._agents, self._kill_by)

    def agent_ended(self) -> None:
        """Start the time of the wrap-up."""
        self._ended_at = time.monotonic()

    def wrap_up_until(self, share: float) -> float:
        """The time when this share of the wrap-up is used up. A SIGTERM during it shortens it."""
        return min(self._ended_at + share * _WRAP_UP_SECONDS, self.kill_at() + share * self._own)
