"""A volume of a test's own, whose claim the test can delete and whose space it can use up."""

import json
from collections.abc import Iterator
from contextlib import contextmanager

from cluster import node_exec

from .kubectl import create, kubectl
from .namespace import Namespace, claim

SIZE = "4m"


class Volume:
    """A small volume in memory, in the node, with a claim of the same name in a namespace."""

    def __init__(self, ns: Namespace, name: str) -> None:
        self.ns = ns
        self.name = name
        self.path = f"/var/local-volumes/{ns.name}-{name}"
        self._pv = f"{ns.name}-{name}"

    def make(self) -> None:
        node_exec("mkdir", "-p", self.path)
        node_exec("mount", "-t", "tmpfs", "-o", f"size={SIZE}", "agentrun-e2e", self.path)
        everywhere = {"key": "kubernetes.io/os", "operator": "In", "values": ["linux"]}
        create(
            {
                "apiVersion": "v1",
                "kind": "PersistentVolume",
                "metadata": {"name": self._pv},
                "spec": {
                    "capacity": {"storage": "1Gi"},
                    "accessModes": ["ReadWriteOnce"],
                    "persistentVolumeReclaimPolicy": "Retain",
                    "storageClassName": self._pv,  # the default class recycles its volumes
                    "local": {"path": self.path},
                    "nodeAffinity": {
                        "required": {"nodeSelectorTerms": [{"matchExpressions": [everywhere]}]}
                    },
                },
            }
        )
        self.make_claim()

    def remove(self) -> None:
        kubectl("delete", "pv", self._pv, "--wait=false")
        node_exec("umount", "--lazy", self.path)
        node_exec("rmdir", self.path)

    def make_claim(self) -> None:
        """Create the claim, and bind it to this volume and its content."""
        kubectl("patch", "pv", self._pv, '--patch={"spec": {"claimRef": null}}')
        obj = claim(self.name)
        self.ns.create(obj | {"spec": obj["spec"] | {"storageClassName": self._pv}})

    def lose_claim(self) -> None:
        """Delete the claim at once, even while pods use it."""
        kubectl("delete", "pvc", self.name, "-n", self.ns.name, "--wait=false")
        unguarded = json.dumps({"metadata": {"finalizers": None}})
        kubectl("patch", "pvc", self.name, "-n", self.ns.name, f"--patch={unguarded}")
        kubectl("wait", "pvc", self.name, "-n", self.ns.name, "--for=delete", "--timeout=60s")

    def fill(self) -> None:
        """Fill the volume to its last byte."""
        full = 'cat /dev/zero >"$1/full" 2>/dev/null || sync'
        node_exec("sh", "-c", full, "sh", self.path)

    def unfill(self) -> None:
        node_exec("rm", f"{self.path}/full")

    def own(self, directory: str, owner: str, mode: str) -> None:
        """Change the owner and mode of a directory on it."""
        node_exec("chown", owner, f"{self.path}/{directory}")
        node_exec("chmod", mode, f"{self.path}/{directory}")

    def files(self) -> list[str]:
        """Its files, relative to its root."""
        return node_exec("find", self.path, "-mindepth", "1", "-printf", r"%P\n").split()


@contextmanager
def volume(ns: Namespace, name: str) -> Iterator[Volume]:
    """A volume that is removed afterwards."""
    made = Volume(ns, name)
    made.make()
    try:
        yield made
    finally:
        made.remove()
