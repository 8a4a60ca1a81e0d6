"""What is measured of waves, one part after the other."""

import asyncio
import time
import uuid
from functools import partial

from bench.raw import LABELS as RAW
from bench.raw import copied
from bench.waves.meter import Meter
from bench.waves.operators import Operators
from bench.waves.place import Place, run
from bench.waves.pods import QUICK
from bench.waves.readings import LeaseWatch
from bench.waves.results import Pair, Restart, Sort
from bench.waves.waves import GONE, RUN, Counts, Name, Seen, Wave
from chaos.processes.api import Api, eventually
from cluster.shell import say
from objects import Object

MODEL = "model-run"
STOPPED = 1  # activeDeadlineSeconds of a pod that the operator has stopped
# After a restart: what a new process reads once more 10 s after its start is in it.
WATCHED_SECONDS = 20.0


class Parts:
    """``learn`` comes first."""

    def __init__(
        self, api: Api, place: Place, operators: Operators, lease: LeaseWatch, meter: Meter
    ) -> None:
        self._api = api
        self._place = place
        self._operators = operators
        self._lease = lease
        self._meter = meter
        self._runs = Seen(api, "agentruns", RUN)
        self._raw_pods = Seen(api, "pods", RAW)
        self._raw_jobs = Seen(api, "jobs", RAW)
        self._model: Object = {}
        self._model_uid = ""

    async def stop(self) -> None:
        for seen in (self._runs, self._raw_pods, self._raw_jobs):
            await seen.stop()

    async def learn(self) -> None:
        """Have a run started, to copy its Job."""
        (namespace, *_) = self._place.namespaces
        wave = self._wave_of_runs([(namespace, MODEL)])
        await wave.create()
        await self._runs.until("start of a run", lambda c: c["Running"] == 1, wave.patience)
        job = await self._api.get("jobs", namespace, MODEL)
        assert job is not None
        self._model, self._model_uid = job, job["metadata"]["ownerReferences"][0]["uid"]
        await self._empty()

    async def waves(
        self, size: int, namespaces: list[str], *, restart: bool = False
    ) -> tuple[dict[Sort, Pair], Restart | None]:
        """Runs created and cancelled, others created and rolled back, raw Jobs the same way."""
        names = [(namespaces[i % len(namespaces)], f"held-{i}") for i in range(size)]
        wave, measure = self._wave_of_runs(names), self._meter.measure
        created = await measure("runs created", size, self._started(wave, size))
        restarted = await self._restart(names[0], size) if restart else None
        interrupted = await measure("runs cancelled", size, self._cancelled(wave, size))
        await self._empty()
        await self._started(wave, size)
        await self._operators.quiet()
        rolled_back = await measure("runs rolled back", size, self._rolled_back(wave, size))
        await self._empty()
        raw = self._wave_of_raw(names)
        raw_created = await measure("raw Jobs created", size, self._raw_started(raw, size))
        raw_deleted = await measure("raw Jobs deleted", size, self._raw_deleted(raw, size))
        await self._empty()
        pairs = {
            Sort.CREATED: Pair(created, raw_created),
            Sort.CANCELLED: Pair(interrupted, raw_deleted),
            Sort.ROLLED_BACK: Pair(rolled_back, raw_deleted),
        }
        return pairs, restarted

    async def queue(self, length: int) -> Pair:
        """Runs that wait on one thread; a user who creates a raw Job when the last has ended."""
        (namespace, *_) = self._place.namespaces
        names = [(namespace, f"{QUICK}-{i}") for i in range(length)]
        runs = self._wave_of_runs(names, thread="queue")
        ours = await self._meter.measure("runs on one thread", length, self._drained(runs, length))
        await self._empty()
        raw = await self._meter.measure("raw Jobs in turn", length, self._in_turn(names))
        await self._empty()
        return Pair(ours, raw)

    # One side of a part: each returns how long it took

    async def _started(self, wave: Wave, size: int) -> float:
        began = await wave.create()
        return (
            await self._runs.until("start", lambda c: c["Running"] == size, wave.patience) - began
        )

    async def _cancelled(self, wave: Wave, size: int) -> float:
        began = await wave.cancel("interrupt")
        ended = await self._runs.until("end", lambda c: c["Interrupted"] == size, wave.patience)
        return ended - began

    async def _rolled_back(self, wave: Wave, size: int) -> float:
        began = await wave.cancel("rollback")
        return await self._runs.until("end", lambda c: c[GONE] == size, wave.patience) - began

    async def _drained(self, wave: Wave, size: int) -> float:
        began = await wave.create()
        ended = await self._runs.until("end", lambda c: c["Succeeded"] == size, wave.patience)
        return ended - began

    async def _raw_started(self, wave: Wave, size: int) -> float:
        began = await wave.create()
        ended = await self._raw_pods.until("start", lambda c: c["Running"] == size, wave.patience)
        return ended - began

    async def _raw_deleted(self, wave: Wave, size: int) -> float:
        began = await wave.delete()
        return await self._raw_jobs.until("end", lambda c: c[GONE] == size, wave.patience) - began

    async def _in_turn(self, names: list[Name]) -> float:
        began = time.monotonic()
        for number, name in enumerate(names, start=1):
            wave = self._wave_of_raw([name])
            await wave.create()
            reached = partial(_have_succeeded, number)
            ended = await self._raw_pods.until("end", reached, wave.patience)
        return ended - began

    async def _restart(self, cancelled: Name, live: int) -> Restart:
        """Start the operator again, among live runs, of which one was cancelled meanwhile."""
        say(f"the operator restarted among live runs: {live}")
        began = time.time()
        await self._operators.stop()
        namespace, name = cancelled
        await self._api.patch("agentruns", namespace, name, {"spec": {"cancel": "interrupt"}})
        acted = asyncio.create_task(self._told_to_stop(namespace, name))
        await self._operators.start()
        leader = self._operators.leader
        seconds = await acted - leader.started_at
        await asyncio.sleep(WATCHED_SECONDS)
        gap = self._lease.longest_gap(began, time.time())
        say(f"  at work after {seconds:.1f} s")
        return Restart(live, seconds, leader.usage().peak, gap)

    async def _told_to_stop(self, namespace: str, name: str) -> float:
        pods = self._api.watch("pods", namespace, labelSelector=f"job-name={name}")
        async for _, pod in pods:
            if pod["spec"].get("activeDeadlineSeconds") == STOPPED:
                break
        return time.time()

    # Help

    def _wave_of_runs(self, names: list[Name], thread: str = "") -> Wave:
        def make(namespace: str, name: str) -> Object:
            return run(namespace, name, thread or name, RUN)

        return Wave(self._api, "agentruns", RUN, names, make)

    def _wave_of_raw(self, names: list[Name]) -> Wave:
        (of_model, *_) = self._place.namespaces

        def make(namespace: str, name: str) -> Object:
            replaced = {MODEL: name, self._model_uid: str(uuid.uuid4()), of_model: namespace}
            return copied(self._model, name, replaced)

        return Wave(self._api, "jobs", RAW, names, make)

    async def _empty(self) -> None:
        """Remove everything, and wait until the operator knows."""
        self._place.check()
        await self._place.empty()
        for seen in (self._runs, self._raw_pods, self._raw_jobs):
            await eventually(seen.is_empty, 60.0)
            seen.forget()
        await self._operators.quiet()


def _have_succeeded(count: int, counts: Counts) -> bool:
    return counts["Succeeded"] == count
