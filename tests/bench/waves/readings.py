"""What a part has cost: CPU, memory, requests, and how long the Lease was not renewed."""

import asyncio
import os
from collections import Counter
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import NamedTuple

from chaos.processes.api import Api, Object
from cluster import node_exec

TICKS = os.sysconf("SC_CLK_TCK")


class Usage(NamedTuple):
    cpu: float  # seconds since its start
    peak: int  # bytes, since the peak was forgotten


def usage(process: Path) -> Usage:
    """``process``: its directory in /proc."""
    # The name comes second, in parentheses, and may hold anything.
    fields = (process / "stat").read_text().rpartition(")")[2].split()
    lines = (process / "status").read_text().splitlines()
    (peak,) = (line.split()[1] for line in lines if line.startswith("VmHWM"))
    return Usage((int(fields[11]) + int(fields[12])) / TICKS, int(peak) * 1024)


def apiserver_cpu() -> float:
    """Seconds of CPU that the API server has taken since its start."""
    said = node_exec("bash", "-c", "cat /proc/$(pgrep --oldest kube-apiserver)/stat")
    fields = said.rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / TICKS


class LeaseWatch:
    """When the operator's Lease was renewed, by what the holder wrote into it."""

    def __init__(self, api: Api, namespace: str, name: str) -> None:
        self._api = api
        self._namespace = namespace
        self._name = name
        self._renewals: list[tuple[str, float]] = []  # holder, Unix seconds
        self.task = asyncio.create_task(self._run())

    async def _run(self) -> None:
        selector = f"metadata.name={self._name}"
        leases = self._api.watch("leases", self._namespace, fieldSelector=selector)
        async for _, lease in leases:
            self._renewals.append(_renewal(lease))

    async def stop(self) -> None:
        self.task.cancel()
        await asyncio.gather(self.task, return_exceptions=True)

    def longest_gap(self, since: float, now: float) -> float:
        return longest_gap(self._renewals, since, now)


def _renewal(lease: Object) -> tuple[str, float]:
    spec = lease["spec"]
    time = datetime.fromisoformat(spec["renewTime"]).timestamp()
    return spec.get("holderIdentity") or "", time


def longest_gap(renewals: list[tuple[str, float]], since: float, now: float) -> float:
    """Longest time from one renewal to the next by the same holder, or to now, that ended later.

    A Lease that was released has no holder, and no gap begins there.
    """
    ends = [*renewals[1:], (renewals[-1][0] if renewals else "", now)]
    gaps = [
        ended - began
        for (holder, began), (next_holder, ended) in zip(renewals, ends, strict=True)
        if holder and holder == next_holder and ended >= since
    ]
    return max(gaps, default=0.0)


@dataclass(frozen=True)
class Cost:
    """Of one part: CPU in seconds, memory in bytes, the gap in seconds."""

    leader_cpu: float
    standby_cpu: float
    apiserver_cpu: float
    peak: int
    gap: float
    requests: Counter[str]  # by "verb resource"; those for the Lease are left out

    def writes(self) -> int:
        """Events are news, posted once each, and are not among them."""
        return self._count(("create", "patch", "delete")) - self.requests["create events"]

    def reads(self) -> int:
        return self._count(("get", "list"))

    def _count(self, verbs: tuple[str, ...]) -> int:
        return sum(n for what, n in self.requests.items() if what.split()[0] in verbs)
