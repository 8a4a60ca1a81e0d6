"""Waves: many runs, or as many raw Jobs, created together and stopped together.

Both sides send as many requests, as many at a time, and wait by one watch each.
"""

import asyncio
import time
from collections import Counter
from collections.abc import Callable, Coroutine, Iterable
from typing import Any

from agentrun_kube.names import LABEL_INSTANCE
from bench.api import MeasurementError
from bench.waves.operators import INSTANCE
from chaos.processes.api import Api
from objects import Object

AT_ONCE = 20  # requests of the user
RUN = {"bench.example/kind": "run", LABEL_INSTANCE: INSTANCE}
GONE = "gone"
Counts = Counter[str]
Name = tuple[str, str]  # namespace, name


class Seen:
    """What a watch has told of all objects of a kind with that label, in any namespace."""

    def __init__(self, api: Api, plural: str, labels: dict[str, str]) -> None:
        self._api = api
        self._plural = plural
        self._labels = labels
        self._phases: dict[Name, str] = {}
        self._changed = asyncio.Event()
        self.counts: Counts = Counter()  # by phase
        self.task = asyncio.create_task(self._run())

    async def _run(self) -> None:
        watch = self._api.watch(self._plural, None, labelSelector=selector(self._labels))
        async for event, obj in watch:
            name = obj["metadata"]["namespace"], obj["metadata"]["name"]
            phase = GONE if event == "DELETED" else obj.get("status", {}).get("phase", "")
            old = self._phases.get(name)
            if old is not None:
                self.counts[old] -= 1
            self._phases[name] = phase
            self.counts[phase] += 1
            self._changed.set()

    async def until(self, what: str, reached: Callable[[Counts], bool], patience: float) -> float:
        """Wait until it holds; when that was seen, in monotonic seconds."""
        try:
            async with asyncio.timeout(patience):
                while not reached(self.counts):
                    self._changed.clear()
                    change = asyncio.create_task(self._changed.wait())
                    await asyncio.wait({change, self.task}, return_when=asyncio.FIRST_COMPLETED)
                    if self.task.done():
                        self.task.result()
        except TimeoutError:
            said = {phase: count for phase, count in self.counts.items() if count}
            raise MeasurementError(f"{what}: not seen after {patience:.0f} s: {said}") from None
        return time.monotonic()

    async def is_empty(self) -> bool:
        return self.counts.total() == self.counts[GONE]

    def forget(self) -> None:
        """What is gone is not counted any longer."""
        self._phases = {n: phase for n, phase in self._phases.items() if phase != GONE}
        self.counts[GONE] = 0

    async def stop(self) -> None:
        self.task.cancel()
        await asyncio.gather(self.task, return_exceptions=True)


class Wave:
    """So many runs, or raw Jobs, by name. ``make`` is given a namespace and a name."""

    def __init__(
        self,
        api: Api,
        plural: str,
        labels: dict[str, str],
        names: list[Name],
        make: Callable[[str, str], Object],
    ) -> None:
        self._api = api
        self._plural = plural
        self._labels = labels
        self._names = names
        self._make = make
        self.patience = 120.0 + 2.0 * len(names)

    async def create(self) -> float:
        """Create all; when that began, in monotonic seconds."""
        began = time.monotonic()
        await _some_at_a_time(
            self._api.create(self._plural, namespace, self._make(namespace, name))
            for namespace, name in self._names
        )
        return began

    async def cancel(self, how: str) -> float:
        """Patch all that have the label, as `kubectl get -l` and `kubectl patch` would."""
        began = time.monotonic()
        patch = {"spec": {"cancel": how}}
        await _some_at_a_time(
            self._api.patch(self._plural, namespace, name, patch)
            for namespace, name in await self._labelled()
        )
        return began

    async def delete(self) -> float:
        """Delete all that have the label, in the foreground, as `kubectl delete -l` would."""
        began = time.monotonic()
        await _some_at_a_time(
            self._api.delete(self._plural, namespace, name, propagationPolicy="Foreground")
            for namespace, name in await self._labelled()
        )
        return began

    async def _labelled(self) -> list[Name]:
        found: list[Name] = []
        for namespace in sorted({namespace for namespace, _ in self._names}):
            labelled = await self._api.all(
                self._plural, namespace, labelSelector=selector(self._labels)
            )
            found += [(namespace, obj["metadata"]["name"]) for obj in labelled["items"]]
        return found


def selector(labels: dict[str, str]) -> str:
    return ",".join(f"{key}={value}" for key, value in labels.items())


async def _some_at_a_time(requests: Iterable[Coroutine[Any, Any, Any]]) -> None:
    free = asyncio.Semaphore(AT_ONCE)

    async def send(request: Coroutine[Any, Any, Any]) -> None:
        async with free:
            await request

    async with asyncio.TaskGroup() as tasks:
        for request in requests:
            tasks.create_task(send(request))
