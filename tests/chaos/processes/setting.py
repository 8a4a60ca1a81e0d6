"""Where a round takes place: a namespace, simulated nodes, and stores that only those can reach."""

from pathlib import Path

from agentrun_kube.names import MANAGED_BY
from objects import Object, name_of

from .api import Api, eventually, path_of
from .kubelet import ready
from .proxy import USER

LABEL = "agentrun.dev/chaos"
AGENTS = ("a", "b")
NODES = 2
PATIENCE = 60.0  # seconds
CONTENT = ("agentruns", "jobs", "pods", "persistentvolumeclaims")


def simulated_claim(namespace: str, name: str, label: str, value: str) -> tuple[Object, Object]:
    """A PersistentVolume that only nodes with that label reach, and the claim that it is bound to.

    Both are named ``name``.
    """
    size = {"storage": "1Gi"}
    modes = ["ReadWriteMany"]
    here = {"key": label, "operator": "In", "values": [value]}
    volume = {
        "capacity": size,
        "accessModes": modes,
        "storageClassName": "",
        "persistentVolumeReclaimPolicy": "Retain",
        "local": {"path": f"/simulated/{name}"},
        "claimRef": {"name": name, "namespace": namespace},
        "nodeAffinity": {"required": {"nodeSelectorTerms": [{"matchExpressions": [here]}]}},
    }
    claim = {
        "accessModes": modes,
        "storageClassName": "",
        "volumeName": name,
        "resources": {"requests": size},
    }
    head = {"apiVersion": "v1", "metadata": {"name": name}}
    return (
        head | {"kind": "PersistentVolume", "spec": volume},
        head | {"kind": "PersistentVolumeClaim", "spec": claim},
    )


class Setting:
    """``name``: of the namespace, and the beginning of all other names."""

    def __init__(self, api: Api, name: str, scratch: Path) -> None:
        self._api = api
        self.namespace = name
        self.other_namespace = f"{name}-other"  # of the Lease of a leader beside the leader
        self.nodes = tuple(f"{name}-node-{number}" for number in range(NODES))
        self.roots = {f"{name}-{agent}": scratch / agent for agent in AGENTS}  # by claim

    def root_of(self, pod: Object) -> Path:
        """The store on the pod's volume."""
        for volume in pod["spec"]["volumes"]:
            if "persistentVolumeClaim" in volume:
                return self.roots[volume["persistentVolumeClaim"]["claimName"]]
        raise LookupError(f"pod {name_of(pod)} has no store")

    async def set_up(self) -> None:
        for namespace in (self.namespace, self.other_namespace):
            await self._namespace(namespace)
        for node in self.nodes:
            labels = {LABEL: self.namespace}
            body = {
                "apiVersion": "v1",
                "kind": "Node",
                "metadata": {"name": node, "labels": labels},
                # Other tests' pods go to real nodes; those of the round can only be here.
                "spec": {"taints": [{"key": LABEL, "effect": "PreferNoSchedule"}]},
            }
            await self._api.create("nodes", None, body)
            await self._api.patch("nodes", None, node, {"status": ready()}, "status")
        for claim, root in self.roots.items():
            root.mkdir(parents=True)
            await self._claim(claim)
        for agent in AGENTS:
            spec = {
                "runtime": {"langgraph": {"graph": "simulated:graph"}},
                "store": {"claimName": f"{self.namespace}-{agent}"},
            }
            body = {"apiVersion": "agentrun.dev/v1alpha1", "kind": "Agent", "spec": spec}
            await self._api.create("agents", self.namespace, body | {"metadata": {"name": agent}})
        await eventually(self._is_ready, PATIENCE)

    async def _namespace(self, name: str) -> None:
        labels = {LABEL: self.namespace, "pod-security.kubernetes.io/enforce": "restricted"}
        body = {
            "apiVersion": "v1",
            "kind": "Namespace",
            "metadata": {"name": name, "labels": labels},
        }
        await self._api.create("namespaces", None, body)
        group = "rbac.authorization.k8s.io"
        rule = {"apiGroups": ["coordination.k8s.io"], "resources": ["leases"]}
        role = {
            "apiVersion": f"{group}/v1",
            "kind": "Role",
            "metadata": {"name": MANAGED_BY},
            "rules": [rule | {"verbs": ["create", "get", "patch"]}],
        }
        *_, owner, account = USER.split(":")
        binding = {
            "apiVersion": f"{group}/v1",
            "kind": "RoleBinding",
            "metadata": {"name": MANAGED_BY},
            "roleRef": {"apiGroup": group, "kind": "Role", "name": MANAGED_BY},
            "subjects": [{"kind": "ServiceAccount", "name": account, "namespace": owner}],
        }
        await self._api.create("roles", name, role)
        await self._api.create("rolebindings", name, binding)

    async def _claim(self, name: str) -> None:
        volume, claim = simulated_claim(self.namespace, name, LABEL, self.namespace)
        await self._api.create("persistentvolumes", None, volume)
        await self._api.create("persistentvolumeclaims", self.namespace, claim)

    async def _is_ready(self) -> bool:
        account = await self._api.get("serviceaccounts", self.namespace, "default")
        claims = await self._api.all("persistentvolumeclaims", self.namespace)
        bound = [c for c in claims["items"] if c["status"].get("phase") == "Bound"]
        nodes = [await self._api.get("nodes", None, name) for name in self.nodes]
        schedulable = all(node and len(node["spec"].get("taints", ())) == 1 for node in nodes)
        return account is not None and len(bound) == len(self.roots) and schedulable

    async def empty(self) -> None:
        """Remove everything but the nodes, whose kubelets have to see to their pods yet."""
        # A run that is stuck must not keep the namespace for ever; that it is was reported.
        for run in (await self._api.all("agentruns", self.namespace))["items"]:
            await self._api.patch(
                "agentruns", self.namespace, name_of(run), {"metadata": {"finalizers": None}}
            )
        # One after the other: a namespace waits much longer for what has a finalizer.
        for plural in CONTENT:
            options = {"gracePeriodSeconds": 0, "propagationPolicy": "Background"}
            await self._api.request("DELETE", path_of(plural, self.namespace), options)
        await eventually(self._is_empty, PATIENCE)
        for name in (self.namespace, self.other_namespace):
            await self._api.delete("namespaces", None, name)
        await eventually(self._is_gone, PATIENCE)

    async def _is_empty(self) -> bool:
        lists = [await self._api.all(plural, self.namespace) for plural in CONTENT]
        return not any(found["items"] for found in lists)

    async def _is_gone(self) -> bool:
        names = (self.namespace, self.other_namespace)
        return not [n for n in names if await self._api.get("namespaces", None, n)]

    async def remove(self) -> None:
        for claim in self.roots:
            await self._api.delete("persistentvolumes", None, claim)
        for node in self.nodes:
            await self._api.delete("nodes", None, node)
