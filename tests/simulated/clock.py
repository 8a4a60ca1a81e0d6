"""Virtual time, and an event loop that lives in it and runs only when it is told to."""

import asyncio
import selectors
from collections.abc import Mapping
from contextvars import ContextVar
from datetime import UTC, datetime, timedelta
from typing import Any

EPOCH = datetime(2026, 1, 1, tzinfo=UTC)

# How far the clock of the operator that runs now is ahead of the cluster's, in seconds.
SKEW: ContextVar[float] = ContextVar("SKEW", default=0.0)


class _NoFiles(selectors.SelectSelector):
    """Nothing ever comes from outside, so there is nothing to wait for."""

    def select(self, _: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        return []


class VirtualLoop(asyncio.SelectorEventLoop):
    """Its time is ``seconds``, which only `advance` changes."""

    def __init__(self) -> None:
        self.seconds = 0.0
        super().__init__(_NoFiles())
        self.failures: list[str] = []
        self.set_exception_handler(lambda _, context: self._failed(context))

    def time(self) -> float:
        return self.seconds

    def spin(self) -> None:
        """Run all callbacks that are ready or due, and those that follow from them."""
        self.call_soon(self._stop_if_idle)
        self.run_forever()

    def advance(self, seconds: float) -> None:
        self.seconds += seconds
        self.spin()

    def _stop_if_idle(self) -> None:
        if self._ready:  # type: ignore[attr-defined] # the loop has no public way to ask
            self.call_soon(self._stop_if_idle)
        else:
            self.stop()

    def _failed(self, context: Mapping[str, Any]) -> None:
        self.failures.append(f"{context.get('message')}: {context.get('exception')!r}")


class Clock:
    def __init__(self, loop: VirtualLoop) -> None:
        self._loop = loop
        self._start = loop.seconds

    @property
    def seconds(self) -> float:
        return self._loop.seconds - self._start

    def now(self) -> datetime:
        """The time as the operator that asks sees it."""
        time = EPOCH + timedelta(seconds=self.seconds + SKEW.get())
        return time.replace(microsecond=time.microsecond // 1000 * 1000)

    def stamp(self) -> str:
        """The cluster's time, in whole seconds, as Kubernetes writes it."""
        return (EPOCH + timedelta(seconds=int(self.seconds))).isoformat().replace("+00:00", "Z")
