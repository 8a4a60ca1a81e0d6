"""A queue of keys that wait for work: each at most once, and never worked on twice at a time.

Namespaces take turns, and in each one what stops comes before what starts. So the crowd of one
namespace holds up no other, and only a share of the workers is on the keys of one.
"""

import asyncio
import random
from dataclasses import dataclass, field
from enum import IntEnum, StrEnum
from time import monotonic
from typing import NamedTuple

FIRST_BACKOFF = 0.1
LONGEST_BACKOFF = 60.0


class Reconciler(StrEnum):
    """What works on a key, and so what its name names."""

    RUN = "run"  # an AgentRun
    CLEANUP = "cleanup"  # a PersistentVolumeClaim from which runs are to be cleaned
    UNWATCHED_JOB = "unwatched-job"  # a Job that has left the watch
    UNWATCHED_POD = "unwatched-pod"


class Key(NamedTuple):
    """What there is work for."""

    reconciler: Reconciler
    namespace: str
    name: str


class Urgency(IntEnum):
    STOP = 0  # of a run that is cancelled or deleted
    NEWS = 1
    ROUTINE = 2  # another look at what has not changed


@dataclass
class _Turns:
    """The keys of one namespace."""

    waiting: dict[Key, Urgency] = field(default_factory=dict)
    lines: tuple[dict[Key, None], ...] = field(default_factory=lambda: tuple({} for _ in Urgency))
    active: int = 0
    served_at: float = 0.0  # when it had its last turn, or began to wait


class WorkQueue:
    def __init__(self, share: int) -> None:
        """``share``: how many keys of one namespace may be worked on at a time."""
        self._share = share
        self._turns: dict[str, _Turns] = {}  # in the order of their next turns
        self._active: dict[Key, float] = {}  # since when
        self._failures: dict[Key, int] = {}
        self._timers: dict[Key, asyncio.TimerHandle] = {}
        self._ready = asyncio.Event()

    def add(self, key: Key, urgency: Urgency = Urgency.NEWS) -> None:
        timer = self._timers.pop(key, None)
        if timer is not None:
            timer.cancel()
        turns = self._turns.setdefault(key.namespace, _Turns())
        if not turns.waiting:
            turns.served_at = monotonic()
        before = turns.waiting.get(key)
        if before is not None and before <= urgency:
            return
        if before is not None:
            del turns.lines[before][key]
        turns.waiting[key] = urgency
        turns.lines[urgency][key] = None
        self._ready.set()

    def add_after(self, key: Key, seconds: float, urgency: Urgency = Urgency.NEWS) -> None:
        """Add the key later; an earlier timer of the key stays, a later one is replaced."""
        loop = asyncio.get_running_loop()
        timer = self._timers.get(key)
        if timer is not None:
            if timer.when() <= loop.time() + seconds:
                return
            timer.cancel()
        self._timers[key] = loop.call_later(max(seconds, 0), self.add, key, urgency)

    def add_failed(self, key: Key, urgency: Urgency = Urgency.NEWS) -> None:
        """Add the key after a failure: later with each one in a row, with jitter, 60 s at most."""
        failures = self._failures.get(key, 0)
        self._failures[key] = failures + 1
        backoff = min(FIRST_BACKOFF * 2.0 ** min(failures, 16), LONGEST_BACKOFF)
        jitter = random.uniform(0.5, 1.0)  # noqa: S311 (no secret)
        self.add_after(key, backoff * jitter, urgency)

    def is_due_after_failure(self, key: Key) -> bool:
        """Whether the key comes again by itself, later because it has failed."""
        return key in self._failures and key in self._timers

    def due(self, key: Key) -> float:
        """When the key's timer ends, in the event loop's time."""
        return self._timers[key].when()

    def forget_failures(self, key: Key) -> None:
        self._failures.pop(key, None)

    async def take(self) -> Key:
        """The next key that no worker is on; `done` gives it back."""
        while True:
            for namespace, turns in self._turns.items():
                key = self._next(turns)
                if key is not None:
                    self._begin(namespace, turns, key)
                    return key
            self._ready.clear()
            await self._ready.wait()

    def _next(self, turns: _Turns) -> Key | None:
        if turns.active >= self._share:
            return None
        return next((k for line in turns.lines for k in line if k not in self._active), None)

    def _begin(self, namespace: str, turns: _Turns, key: Key) -> None:
        now = monotonic()
        del turns.lines[turns.waiting.pop(key)][key]
        turns.active += 1
        turns.served_at = now
        self._active[key] = now
        self._turns[namespace] = self._turns.pop(namespace)  # the others come first now

    def done(self, key: Key) -> None:
        del self._active[key]
        turns = self._turns[key.namespace]
        turns.active -= 1
        if turns.waiting:
            self._ready.set()
        elif turns.active == 0:
            del self._turns[key.namespace]

    def longest_wait(self) -> float:
        """Seconds for which a namespace whose keys wait has had no turn."""
        since = [turns.served_at for turns in self._turns.values() if turns.waiting]
        return _age(since)

    def longest_work(self) -> float:
        """Seconds for which a worker has been on one key."""
        return _age(list(self._active.values()))

    def close(self) -> None:
        for timer in self._timers.values():
            timer.cancel()
        self._timers.clear()


def _age(since: list[float]) -> float:
    return monotonic() - min(since) if since else 0.0
