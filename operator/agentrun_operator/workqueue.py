"""A queue of keys that wait for work: each at most once, and never worked on twice at a time."""

import asyncio
import random
from typing import NamedTuple

FIRST_BACKOFF = 0.1
LONGEST_BACKOFF = 60.0


class Key(NamedTuple):
    """What there is work for.

    "run": an AgentRun; "claim": a PersistentVolumeClaim that has runs to clean up; "jobs", "pods":
    one that has left its watch.
    """

    kind: str
    namespace: str
    name: str


class WorkQueue:
    def __init__(self) -> None:
        self._waiting: dict[Key, None] = {}  # an ordered set
        self._active: set[Key] = set()
        self._failures: dict[Key, int] = {}
        self._timers: dict[Key, asyncio.TimerHandle] = {}
        self._ready = asyncio.Event()

    def add(self, key: Key) -> None:
        timer = self._timers.pop(key, None)
        if timer is not None:
            timer.cancel()
        self._waiting[key] = None
        self._ready.set()

    def add_after(self, key: Key, seconds: float) -> None:
        """Add the key later; an earlier timer of the key stays, a later one gives way."""
        loop = asyncio.get_running_loop()
        timer = self._timers.get(key)
        if timer is not None:
            if timer.when() <= loop.time() + seconds:
                return
            timer.cancel()
        self._timers[key] = loop.call_later(max(seconds, 0), self.add, key)

    def add_failed(self, key: Key) -> None:
        """Add the key after a failure: later with each one in a row, with jitter, 60 s at most."""
        failures = self._failures.get(key, 0)
        self._failures[key] = failures + 1
        backoff = min(FIRST_BACKOFF * 2.0 ** min(failures, 16), LONGEST_BACKOFF)
        self.add_after(key, backoff * random.uniform(0.5, 1.0))  # noqa: S311 (no secret)

    def due(self, key: Key) -> float:
        """When the key's timer ends, in the event loop's time."""
        return self._timers[key].when()

    def forget_failures(self, key: Key) -> None:
        self._failures.pop(key, None)

    async def take(self) -> Key:
        """The next key that nobody works on; `done` gives it back."""
        while True:
            for key in self._waiting:
                if key not in self._active:
                    del self._waiting[key]
                    self._active.add(key)
                    return key
            self._ready.clear()
            await self._ready.wait()

    def done(self, key: Key) -> None:
        self._active.discard(key)
        if key in self._waiting:
            self._ready.set()

    def close(self) -> None:
        for timer in self._timers.values():
            timer.cancel()
        self._timers.clear()
