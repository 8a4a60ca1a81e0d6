"""The simulated nodes of layer 2: their reports are true."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any, cast

import pytest

from chaos.processes.api import Api
from chaos.processes.kubelet import Node, Pod
from chaos.processes.processes import Process
from simulated.container import STOPPED, Exit

Object = dict[str, Any]
POD: Object = {
    "metadata": {"name": "p", "namespace": "ns", "uid": "u", "labels": {}},
    "spec": {
        "containers": [{"name": "agent", "image": "x", "env": []}],
        "terminationGracePeriodSeconds": 1,
    },
}


class Server:
    """An API server that only takes reports in."""

    def __init__(self) -> None:
        self.reports: asyncio.Queue[Object] = asyncio.Queue()
        self.deleted: list[Object] = []

    async def patch(self, plural: str, _: str | None, __: str, patch: Object, ___: str) -> None:
        if plural == "pods":
            await self.reports.put(patch["status"])

    async def delete(self, *_: str, **options: Any) -> None:
        self.deleted.append(options)

    async def watch(self, *_: str, **__: str) -> AsyncIterator[tuple[str, Object]]:
        await asyncio.Event().wait()
        yield "", {}

    async def phase(self, wanted: str) -> Object:
        """The first report of that phase."""
        async with asyncio.timeout(5):
            while True:
                report = await self.reports.get()
                if report["phase"] == wanted:
                    return report


class Program(Process):
    """Ends when the test says so, or when it is killed; it records SIGTERM and keeps running."""

    def __init__(self, pod: Object) -> None:
        self.told = False
        self.ends: asyncio.Future[Exit] = asyncio.get_running_loop().create_future()
        super().__init__(pod)

    async def work(self) -> Exit:
        return await self.ends

    def terminate(self, _: float) -> None:
        self.told = True


@pytest.fixture
async def node() -> AsyncIterator[Node]:
    node = Node(cast("Api", Server()), "n", "ns", Program)
    yield node
    await node.stop()
    assert not node.failures()


def server_of(node: Node) -> Server:
    return cast("Server", node.api)


async def running(node: Node, **spec: Any) -> tuple[Pod, Program]:
    pod = Pod(node, POD | {"spec": POD["spec"] | spec})
    node.pods["u"] = pod
    await server_of(node).phase("Running")
    assert isinstance(pod.process, Program)
    return pod, pod.process


async def test_a_pod_that_is_stopped_ends_only_when_its_process_has_ended(node: Node) -> None:
    pod, program = await running(node)
    pod.changed(POD | {"spec": POD["spec"] | {"activeDeadlineSeconds": 0}}, gone=False)
    async with asyncio.timeout(5):
        while not program.told:  # noqa: ASYNC110 (no event for it)
            await asyncio.sleep(0.01)
    assert server_of(node).reports.empty()
    program.ends.set_result(Exit(STOPPED, "account"))
    report = await server_of(node).phase("Failed")
    assert report["reason"] == "DeadlineExceeded"
    ended = report["containerStatuses"][0]["state"]["terminated"]
    assert (ended["exitCode"], ended["message"]) == (STOPPED, "account")


async def test_a_process_that_ignores_sigterm_is_killed_after_its_grace_period(node: Node) -> None:
    pod, program = await running(node)
    pod.changed(POD | {"spec": POD["spec"] | {"activeDeadlineSeconds": 0}}, gone=False)
    report = await server_of(node).phase("Failed")
    assert program.told
    assert not program.alive
    assert report["containerStatuses"][0]["state"]["terminated"]["exitCode"] == 137


async def test_the_object_of_a_deleted_pod_is_removed_when_its_end_is_reported(node: Node) -> None:
    pod, program = await running(node)
    deleting = {"deletionTimestamp": "now", "deletionGracePeriodSeconds": 1}
    pod.changed(POD | {"metadata": POD["metadata"] | deleting}, gone=False)
    await server_of(node).phase("Failed")
    await pod.task
    assert not program.alive
    assert server_of(node).deleted == [{"gracePeriodSeconds": 0, "preconditions": {"uid": "u"}}]


async def test_a_silent_node_reports_when_its_silence_is_over(node: Node) -> None:
    _, program = await running(node)
    silence = asyncio.create_task(node.silence(0.5))
    await asyncio.sleep(0)
    program.ends.set_result(Exit(0, "account"))
    await program.task
    assert server_of(node).reports.empty()
    await silence
    await server_of(node).phase("Succeeded")


async def test_a_pod_that_is_past_its_deadline_never_starts(node: Node) -> None:
    pod = Pod(node, POD | {"spec": POD["spec"] | {"activeDeadlineSeconds": 0}})
    node.pods["u"] = pod
    report = await server_of(node).phase("Failed")
    assert report["reason"] == "DeadlineExceeded"
    assert pod.process is None
