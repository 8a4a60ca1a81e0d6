"""One round: a setting, people and nodes at work in it, faults for a while, and the judgement."""

import asyncio
import signal
import time
import uuid
from collections import Counter
from collections.abc import AsyncIterator, Coroutine
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, fields
from pathlib import Path
from random import Random
from typing import Any

from objects import Object

from .api import Api
from .faults import Fault, Faults
from .kubelet import Node
from .operators import Operators
from .processes import Agent, CleanUp, Process
from .proxy import Proxy
from .recorder import Recorder
from .setting import AGENTS, Setting
from .settle import settle
from .status import is_agent
from .times import LEASE
from .users import Users

IMAGE = "simulated-runner:latest"


@dataclass
class Result:
    hits: Counter[Fault] = field(default_factory=Counter)
    ends: Counter[str] = field(default_factory=Counter)
    violations: list[tuple[str, str]] = field(default_factory=list)
    inherent: Counter[str] = field(default_factory=Counter)
    judged: Counter[str] = field(default_factory=Counter)
    operators: int = 0  # processes
    agents: int = 0
    checkpoints: int = 0

    def __add__(self, other: "Result") -> "Result":
        return Result(
            **{
                each.name: getattr(self, each.name) + getattr(other, each.name)
                for each in fields(self)
            }
        )


class Round:
    def __init__(self, api: Api, seed: str, scratch: Path) -> None:
        self._api = api
        self._rng = Random(seed)  # noqa: S311 (no secret)
        self._scratch = scratch
        self._faults = Faults(self._new_rng())
        self._recorder = Recorder()
        self._proxy = Proxy(api, self._faults, self._new_rng())
        name = f"chaos-{uuid.uuid4().hex[:6]}"
        self._operators = Operators(
            self._proxy, self._faults, self._new_rng(), IMAGE, name, scratch
        )
        self._setting = Setting(api, name, scratch)
        self._nodes: list[Node] = []
        self._processes = self._new_rng()

    def _new_rng(self) -> Random:
        """One for each part, so that what one draws does not depend on the others' pace."""
        return Random(self._rng.random())  # noqa: S311 (no secret)

    async def play(self, seconds: float, most: int) -> Result:
        """Faults for so long, or until there were so many; then everything has to settle."""
        async with self._set_up():
            await self._break_things(seconds, most)
            unsettled = await self._settle()
            await self._proxy.stop()
            return await self._judge(unsettled)

    @asynccontextmanager
    async def _set_up(self) -> AsyncIterator[None]:
        try:
            await self._proxy.start()
            await self._setting.set_up()
            namespace = self._setting.namespace
            self._recorder.watch(self._api, namespace)
            names = self._setting.nodes
            self._nodes += [Node(self._api, name, namespace, self._start) for name in names]
            self._operators.add(namespace)
            self._operators.add(namespace, delay=1)
            yield
        finally:
            await self._operators.stop()
            await self._proxy.stop()
            self._recorder.finishing = True
            await self._setting.empty()
            for node in self._nodes:
                await node.stop()
            await self._recorder.stop()
            await self._setting.remove()

    def _start(self, pod: Object) -> Process:
        root = self._setting.root_of(pod)
        if is_agent(pod):
            return Agent(pod, root, self._processes, self._recorder)
        cut = self._faults.on and self._processes.random() < 0.15
        after = self._processes.uniform(0, 0.2) if cut else None
        return CleanUp(pod, root, self._scratch, after, self._cleanup_cut)

    def _cleanup_cut(self) -> None:
        self._faults.hit(Fault.CLEANUP_KILLED)

    async def _break_things(self, seconds: float, most: int) -> None:
        self._faults.on = True
        namespace, rng = self._setting.namespace, self._new_rng()
        users = Users(self._api, namespace, AGENTS, self._recorder, self._faults, rng)
        parts: list[Coroutine[Any, Any, None]] = [
            users.act(pause=0.08),
            self._kills(self._new_rng()),
            self._outages(self._new_rng()),
            self._nodes_fail(self._new_rng()),
            self._second_leader(self._new_rng()),
        ]
        tasks = [asyncio.create_task(part) for part in parts]
        began = time.monotonic()
        try:
            while time.monotonic() - began < seconds and self._faults.hits.total() < most:
                done, _ = await asyncio.wait(tasks, timeout=0.5)
                for task in done:
                    task.result()
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
            self._faults.on = False

    async def _kills(self, rng: Random) -> None:
        while True:
            await asyncio.sleep(rng.uniform(6, 14))
            replica = rng.choice(self._operators.replicas)
            match rng.choice((Fault.KILLED, Fault.ENDED, Fault.FROZEN)):
                case Fault.KILLED if replica.send(signal.SIGKILL):
                    self._faults.hit(Fault.KILLED)
                case Fault.ENDED if replica.send(signal.SIGTERM):
                    self._faults.hit(Fault.ENDED)
                case Fault.FROZEN if await replica.freeze(LEASE + rng.uniform(0.5, 4)):
                    self._faults.hit(Fault.FROZEN)

    async def _outages(self, rng: Random) -> None:
        while True:
            await asyncio.sleep(rng.uniform(10, 25))
            # Not to be cut short: the proxy has to listen again.
            await asyncio.shield(self._proxy.outage(rng.uniform(0.5, 3)))

    async def _nodes_fail(self, rng: Random) -> None:
        while True:
            await asyncio.sleep(rng.uniform(2, 6))
            node = rng.choice(self._nodes)
            live = [pod for pod in node.pods.values() if pod.process and pod.process.alive]
            match rng.choice((Fault.NODE_SILENT, Fault.NODE_REBOOTED, Fault.KUBELET_EVICTED)):
                case Fault.NODE_SILENT if live:
                    self._faults.hit(Fault.NODE_SILENT)
                    await node.silence(rng.uniform(2, 10))
                case Fault.NODE_REBOOTED if node.reboot():
                    self._faults.hit(Fault.NODE_REBOOTED)
                case Fault.KUBELET_EVICTED if live:
                    self._faults.hit(Fault.KUBELET_EVICTED)
                    rng.choice(live).evict()

    async def _second_leader(self, rng: Random) -> None:
        """One that works at the same time: safety must not rest on the lease."""
        while True:
            await asyncio.sleep(rng.uniform(2, 5))
            self._faults.hit(Fault.SECOND)
            replica = self._operators.add(self._setting.other_namespace)
            try:
                await asyncio.sleep(rng.uniform(15, 30))
            finally:
                await self._operators.remove(replica)

    async def _settle(self) -> list[tuple[str, str]]:
        self._recorder.finishing = True
        self._proxy.heal()
        for replica in self._operators.replicas:
            if replica.skew:
                replica.kill()  # its clock is set right
        return await settle(self._api, self._setting.namespace)

    async def _judge(self, unsettled: list[tuple[str, str]]) -> Result:
        complaints = [*self._operators.complaints()]
        for node in self._nodes:
            for error in node.failures():
                raise error
        pods = (await self._api.all("pods", self._setting.namespace))["items"]
        self._recorder.finish(
            pods, list(self._setting.roots.values()), self._proxy.made_jobs, unsettled, complaints
        )
        judge = self._recorder.judge
        runs = judge.runs.values()
        return Result(
            hits=self._faults.hits,
            ends=Counter(record.ended or "not at all" for record in runs),
            violations=judge.violations,
            inherent=judge.verdicts.inherent,
            judged=judge.verdicts.judged,
            operators=len(self._proxy.senders),
            agents=self._recorder.agents,
            checkpoints=sum(len(written) for written in judge.written.values()),
        )
