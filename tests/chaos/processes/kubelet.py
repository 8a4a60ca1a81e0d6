"""Simulated nodes: each runs the pods that the scheduler binds to it, and reports on them."""

import asyncio
import itertools
from collections.abc import Callable

from agentrun_operator.facts.pods import DEADLINE_EXCEEDED
from objects import Object, has_ended, is_deleting, name_of, uid_of
from simulated.container import SIGKILLED, Exit

from . import status
from .api import Api
from .processes import Process

HEARTBEAT = 10.0
UNKNOWN = Exit(SIGKILLED, reason="ContainerStatusUnknown")
Start = Callable[[Object], Process]


class Node:
    """One kubelet, for the pods of one namespace, or of all but the cluster's own (None)."""

    def __init__(self, api: Api, name: str, namespace: str | None, start: Start) -> None:
        self.api = api
        self.name = name
        self.namespace = namespace
        self.start = start
        self.pods: dict[str, Pod] = {}
        self.delays = itertools.cycle((0.05, 0.3, 0.1, 0.8))
        self._connected = asyncio.Event()
        self._connected.set()
        self._tasks = [asyncio.create_task(self._watch()), asyncio.create_task(self._heartbeat())]

    async def connected(self) -> None:
        await self._connected.wait()

    async def silence(self, seconds: float) -> None:
        """What runs goes on; nothing is heard or reported."""
        self._connected.clear()
        try:
            await asyncio.sleep(seconds)
        finally:
            self._connected.set()

    def reboot(self) -> bool:
        """Everything on the node dies at once. Whether there was anything."""
        live = [pod for pod in self.pods.values() if pod.process and pod.process.alive]
        for pod in live:
            assert pod.process is not None
            pod.process.kill()
        return bool(live)

    async def stop(self) -> None:
        tasks = [*self._tasks, *(pod.task for pod in self.pods.values())]
        processes = [pod.process for pod in self.pods.values() if pod.process is not None]
        for task in [*tasks, *(process.task for process in processes)]:
            task.cancel()
        ends = (*tasks, *(process.task for process in processes))
        await asyncio.gather(*ends, return_exceptions=True)

    def failures(self) -> list[BaseException]:
        """What went wrong in the node's own code."""
        tasks = [*self._tasks, *(pod.task for pod in self.pods.values())]
        tasks += [pod.process.task for pod in self.pods.values() if pod.process is not None]
        ended = [task for task in tasks if task.done() and not task.cancelled()]
        return [error for task in ended if (error := task.exception()) is not None]

    async def _watch(self) -> None:
        selector = f"spec.nodeName={self.name},metadata.namespace!=kube-system"
        async for event, pod in self.api.watch("pods", self.namespace, fieldSelector=selector):
            await self.connected()
            known = self.pods.get(uid_of(pod))
            if known is not None:
                known.changed(pod, gone=event == "DELETED")
                if event == "DELETED" and known.task.done() and known.task.exception() is None:
                    del self.pods[uid_of(pod)]
            elif event != "DELETED" and not has_ended(pod):
                self.pods[uid_of(pod)] = Pod(self, pod)

    async def _heartbeat(self) -> None:
        while True:
            await self.connected()
            await self.api.patch("nodes", None, self.name, {"status": ready()}, "status")
            await asyncio.sleep(HEARTBEAT)


def ready() -> Object:
    now = status.stamp()
    condition = {"type": "Ready", "status": "True", "reason": "KubeletReady"}
    times = {"lastHeartbeatTime": now, "lastTransitionTime": now}
    room = {"cpu": "64", "memory": "64Gi", "ephemeral-storage": "64Gi", "pods": "500"}
    return {"conditions": [condition | times], "capacity": room, "allocatable": room}


class Pod:
    """One pod on its node: started, stopped by what the kubelet knows, reported, and removed."""

    def __init__(self, node: Node, pod: Object) -> None:
        self.seen = pod
        self.process: Process | None = None
        self._node = node
        self._gone = False
        self._news = asyncio.Event()
        self._acknowledged = asyncio.get_running_loop().time()
        self._stop_reason = ""
        self.task = asyncio.create_task(self._run())

    def changed(self, pod: Object, *, gone: bool) -> None:
        self.seen, self._gone = pod, gone
        self._news.set()

    def evict(self) -> None:
        """As for want of memory on the node."""
        self._stop_reason = self._stop_reason or status.EVICTED
        self._news.set()

    async def _run(self) -> None:
        await self._report(status.waiting(self.seen, status.stamp()))
        await self._pause(next(self._node.delays))
        end, started = UNKNOWN, None
        if not self._must_stop():
            started = status.stamp()
            self.process = self._node.start(self.seen)
            await self._report(status.running(self.seen, started))
            await self._attend(self.process)
            end = self.process.exit or UNKNOWN
        self._must_stop()  # one that is late when it ends has exceeded its deadline, too
        await self._report(status.ended(self.seen, end, started, self._stop_reason))
        await self._remove()

    async def _attend(self, process: Process) -> None:
        """Wait for its end, and see to it when that is due."""
        loop = asyncio.get_running_loop()
        kill_at: float | None = None
        while process.alive:
            if self._must_stop():
                grace = self._grace()
                if kill_at is None:
                    process.terminate(grace)
                    kill_at = loop.time() + grace
                kill_at = min(kill_at, loop.time() + grace)  # a later stop may be shorter
                if loop.time() >= kill_at:
                    process.kill()
                    await asyncio.wait([process.task])
                    break
            await self._pause(self._time_left(kill_at), process.task)

    def _time_left(self, kill_at: float | None) -> float | None:
        """Seconds until time alone changes what is due; None if it changes nothing."""
        if kill_at is not None:
            return kill_at - asyncio.get_running_loop().time()
        deadline = self.seen["spec"].get("activeDeadlineSeconds")
        return None if deadline is None else deadline - self._age()

    def _grace(self) -> float:
        if self._gone:
            return 0.0
        if self._stop_reason == status.EVICTED:
            return 1.0
        grace = float(self.seen["spec"].get("terminationGracePeriodSeconds", 30))
        return float(self.seen["metadata"].get("deletionGracePeriodSeconds", grace))

    def _is_late(self) -> bool:
        deadline = self.seen["spec"].get("activeDeadlineSeconds")
        return deadline is not None and self._age() >= deadline

    def _age(self) -> float:
        return asyncio.get_running_loop().time() - self._acknowledged

    def _must_stop(self) -> bool:
        if self._is_late():
            self._stop_reason = self._stop_reason or DEADLINE_EXCEEDED
        return bool(self._gone or is_deleting(self.seen) or self._stop_reason)

    async def _pause(self, seconds: float | None, *also: asyncio.Task[None]) -> None:
        """Until there is news, or the task has ended, or the time is over."""
        news = asyncio.create_task(self._news.wait())
        timeout = None if seconds is None else max(seconds, 0.0)
        await asyncio.wait({news, *also}, timeout=timeout, return_when=asyncio.FIRST_COMPLETED)
        news.cancel()
        self._news.clear()

    async def _report(self, new: Object) -> None:
        await self._node.connected()
        meta = self.seen["metadata"]
        patch = {"metadata": {"uid": meta["uid"]}, "status": new}
        await self._node.api.patch("pods", meta["namespace"], meta["name"], patch, "status")

    async def _remove(self) -> None:
        """When it is being deleted, the kubelet has the last word."""
        while not self._gone:
            if is_deleting(self.seen):
                await self._node.connected()
                uid = {"uid": uid_of(self.seen)}
                options = {"gracePeriodSeconds": 0, "preconditions": uid}
                namespace = self.seen["metadata"]["namespace"]
                await self._node.api.delete("pods", namespace, name_of(self.seen), **options)
                return
            await self._news.wait()
            self._news.clear()
