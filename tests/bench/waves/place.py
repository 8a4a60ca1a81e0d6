"""Where waves take place: simulated nodes, and namespaces whose stores only those reach."""

import asyncio
import itertools
from functools import partial

from bench.waves.pods import start
from chaos.processes.api import Api, eventually, path_of
from chaos.processes.kubelet import Node, ready
from chaos.processes.setting import simulated_claim
from objects import Object

LABEL = "bench.example/waves"
NAME = "agentrun-waves"
AGENT = "agent"
NODES = 10
NAMESPACES = 50
# From a pod's binding to Running, as a quick kubelet with the image at hand.
START_SECONDS = 0.25
PATIENCE = 120.0
LONGEST_REMOVAL = 900.0
CONTENT = ("pods", "jobs", "agentruns")  # what is owned goes first, so that nothing is left to do


class Place:
    """``namespaces``: the first is the one in which all waves but one are."""

    def __init__(self, api: Api) -> None:
        self._api = api
        self._names = [f"{NAME}-node-{number}" for number in range(NODES)]
        self._nodes: list[Node] = []
        self.namespaces = [f"{NAME}-{number}" for number in range(NAMESPACES)]

    async def set_up(self) -> None:
        await self.remove()
        for name in self._names:
            await self._node(name)
        for namespace in self.namespaces:
            await self._namespace(namespace)
        await eventually(self._is_ready, PATIENCE)

    async def _node(self, name: str) -> None:
        # The taint keeps other pods away from nodes that would not run them.
        taint = {"key": LABEL, "effect": "NoSchedule"}
        metadata = {"name": name, "labels": {LABEL: "node"}}
        body = {"apiVersion": "v1", "kind": "Node", "metadata": metadata}
        await self._api.create("nodes", None, body | {"spec": {"taints": [taint]}})
        await self._api.patch("nodes", None, name, {"status": ready()}, "status")
        node = Node(self._api, name, None, start)
        node.delays = itertools.cycle((START_SECONDS,))
        self._nodes.append(node)

    async def _namespace(self, name: str) -> None:
        labels = {LABEL: "namespace", "pod-security.kubernetes.io/enforce": "restricted"}
        metadata = {"name": name, "labels": labels}
        body = {"apiVersion": "v1", "kind": "Namespace", "metadata": metadata}
        await self._api.create("namespaces", None, body)
        volume, claim = simulated_claim(name, name, LABEL, "node")
        volume["metadata"] |= {"labels": {LABEL: "store"}}
        await self._api.create("persistentvolumes", None, volume)
        await self._api.create("persistentvolumeclaims", name, claim)
        toleration = {"key": LABEL, "operator": "Exists", "effect": "NoSchedule"}
        spec = {
            "runtime": {"langgraph": {"graph": "simulated:graph"}},
            "store": {"claimName": name},
            "resources": {"requests": {"cpu": "50m", "memory": "96Mi"}},
            "podTemplate": {"spec": {"tolerations": [toleration]}},
        }
        agent = {"apiVersion": "agentrun.dev/v1alpha1", "kind": "Agent", "spec": spec}
        await self._api.create("agents", name, agent | {"metadata": {"name": AGENT}})

    async def _is_ready(self) -> bool:
        nodes = await self._api.all("nodes", None, labelSelector=LABEL)
        taints = [taint["key"] for node in nodes["items"] for taint in node["spec"]["taints"]]
        volumes = await self._api.all("persistentvolumes", None, labelSelector=LABEL)
        bound = [v for v in volumes["items"] if v["status"].get("phase") == "Bound"]
        return set(taints) == {LABEL} and len(bound) == NAMESPACES

    def check(self) -> None:
        """Raises what has gone wrong in a node's own code."""
        for node in self._nodes:
            for error in node.failures():
                raise error

    async def empty(self) -> None:
        """Remove all runs, Jobs and pods."""
        for namespace in await self._left("namespaces"):
            await eventually(partial(self._is_empty, namespace), LONGEST_REMOVAL)

    async def _is_empty(self, namespace: str) -> bool:
        """Whether it is; if not, delete some, for one request must not take too long."""
        options = {"gracePeriodSeconds": 0, "propagationPolicy": "Background"}
        is_empty = True
        for plural in CONTENT:
            if (await self._api.all(plural, namespace, limit="1"))["items"]:
                path = f"{path_of(plural, namespace)}?limit=500"
                await self._api.request("DELETE", path, options)
                is_empty = False
        return is_empty

    async def remove(self) -> None:
        """Remove everything, also what an earlier measurement has left."""
        await self._release()
        await self.empty()
        for plural in ("namespaces", "persistentvolumes"):
            for name in await self._left(plural):
                await self._api.delete(plural, None, name)
        await eventually(self._is_gone, PATIENCE)
        await asyncio.gather(*(node.stop() for node in self._nodes))
        self._nodes = []
        for name in await self._left("nodes"):
            await self._api.delete("nodes", None, name)

    async def _release(self) -> None:
        """Let runs go whose operator is not there any more."""
        for namespace in await self._left("namespaces"):
            for found in (await self._api.all("agentruns", namespace))["items"]:
                name, patch = found["metadata"]["name"], {"metadata": {"finalizers": None}}
                await self._api.patch("agentruns", namespace, name, patch)

    async def _is_gone(self) -> bool:
        return not await self._left("namespaces")

    async def _left(self, plural: str) -> list[str]:
        found = await self._api.all(plural, None, labelSelector=LABEL)
        return [obj["metadata"]["name"] for obj in found["items"]]


def run(namespace: str, name: str, thread: str, labels: dict[str, str]) -> Object:
    """A run of the Agent in that namespace."""
    return {
        "apiVersion": "agentrun.dev/v1alpha1",
        "kind": "AgentRun",
        "metadata": {"name": name, "namespace": namespace, "labels": labels},
        "spec": {"agentRef": {"name": AGENT}, "thread": thread, "input": {"question": "Who?"}},
    }
