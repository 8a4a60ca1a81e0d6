"""How the grace period is shared out."""

import math
import time

from .signals import SignalQueue

_WRAP_UP_SECONDS = 10.0  # for the report on an agent that ended by itself, its volume permitting


class Clock:
    """What time is left, in seconds of `time.monotonic`.

    After SIGTERM the kubelet's SIGKILL is certain, and it ends the supervisor too. So the last
    part of the grace period, a third of it but 0.5 s to 2 s, is the supervisor's own: the agent is
    killed when it begins, and the termination report is written within it. On a busy node that
    takes most of it.
    """

    def __init__(self, grace: float, signals: SignalQueue) -> None:
        self._own = min(2.0, max(0.5, grace / 3))
        self._agents = max(0.0, grace - self._own)
        self._signals = signals
        self._kill_by = math.inf
        self._ended_at = 0.0

    def shorten(self, seconds: float) -> None:
        """Kill the agent so many seconds from now, if that is sooner than the grace period says."""
        self._kill_by = min(self._kill_by, time.monotonic() + seconds)

    def kill_at(self) -> float:
        """When an agent that is being stopped is killed; never before SIGTERM."""
        stopped_at = self._signals.stopped_at
        return math.inf if stopped_at is None else min(stopped_at + self._agents, self._kill_by)

    def agent_ended(self) -> None:
        """The wrap-up begins now."""
        self._ended_at = time.monotonic()

    def wrap_up_until(self, share: float) -> float:
        """When this share of the wrap-up's time is used up. A SIGTERM in the middle shortens it."""
        return min(self._ended_at + share * _WRAP_UP_SECONDS, self.kill_at() + share * self._own)
