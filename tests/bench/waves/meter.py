"""Takes the readings before and after a part."""

import asyncio
import time
from collections import Counter
from collections.abc import Awaitable
from dataclasses import dataclass
from typing import NamedTuple

from bench.waves import launcher
from bench.waves.operators import Operators
from bench.waves.readings import Cost, LeaseWatch, apiserver_cpu
from cluster.shell import say


@dataclass(frozen=True)
class Figure:
    """What a part took, for so many runs or raw Jobs. Times are in seconds."""

    seconds: float
    count: int
    cost: Cost


class _Reading(NamedTuple):
    at: float
    leader: float
    standby: float
    apiserver: float
    offset: int


class Meter:
    def __init__(self, operators: Operators, lease: LeaseWatch) -> None:
        self._operators = operators
        self._lease = lease

    async def measure(self, what: str, count: int, part: Awaitable[float]) -> Figure:
        """``part`` returns how long it took. What the operator does after it is counted, too."""
        say(f"{what}: {count}")
        before = await self._read()
        self._operators.leader.forget_peak()
        seconds = await part
        await self._operators.quiet()
        after = await self._read()
        notes, _ = launcher.read(self._operators.leader.requests, before.offset)
        cost = Cost(
            leader_cpu=after.leader - before.leader,
            standby_cpu=after.standby - before.standby,
            apiserver_cpu=after.apiserver - before.apiserver,
            peak=self._operators.leader.usage().peak,
            gap=self._lease.longest_gap(before.at, after.at),
            requests=Counter(note for note in notes if not note.endswith(" leases")),
        )
        say(f"  {seconds:.1f} s, {cost.leader_cpu / count * 1000:.0f} ms of CPU each")
        return Figure(seconds, count, cost)

    async def _read(self) -> _Reading:
        apiserver = await asyncio.to_thread(apiserver_cpu)
        leader, standby = self._operators.leader, self._operators.standby
        offset = leader.requests.stat().st_size
        return _Reading(time.time(), leader.usage().cpu, standby.usage().cpu, apiserver, offset)
