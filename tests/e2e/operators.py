"""Operators: the deployed one, and those that tests stop, kill and freeze beside it.

Such an operator has an instance id, and works only on the runs of the namespaces that a test gives
to it; it is a Deployment like the deployed one, with the same images, rights and policies.
"""

from collections.abc import Iterator
from contextlib import contextmanager

from .deployment import NAME, NAMESPACE
from .kubectl import PATIENCE, Object, create, get, get_all, kubectl, wait_until

APP = "app.kubernetes.io/name"


class Operator:
    """A Deployment of the operator; without an instance id, the deployed one."""

    def __init__(self, instance: str | None = None, replicas: int = 1) -> None:
        self.instance = instance
        self.replicas = replicas
        self._name = NAME if instance is None else f"{NAME}-{instance}"
        self._lease = f"--field-selector=metadata.name={self._name}"

    def make(self) -> None:
        """Create the Deployment as a copy of the deployed one."""
        deployed = get("deployment", NAMESPACE, NAME)
        assert deployed is not None, f"there is no Deployment {NAME}: run `make deploy`"
        labels = {APP: self._name}
        spec = deployed["spec"]["template"]["spec"]
        del spec["topologySpreadConstraints"]
        (container,) = spec["containers"]
        container["env"].append({"name": "AGENTRUN_INSTANCE", "value": self.instance})
        create(
            {
                "apiVersion": "apps/v1",
                "kind": "Deployment",
                "metadata": {"name": self._name, "namespace": NAMESPACE, "labels": labels},
                "spec": {
                    "replicas": self.replicas,
                    "selector": {"matchLabels": labels},
                    "template": {"metadata": {"labels": labels}, "spec": spec},
                },
            }
        )

    def remove(self) -> None:
        """Delete it, with its Lease; no run may need it any more."""
        options = (self._name, "-n", NAMESPACE, "--ignore-not-found")
        kubectl("delete", "deployment", *options, "--cascade=foreground", "--timeout=60s")
        kubectl("delete", "lease", *options)

    def stop(self) -> None:
        """Scale it to zero, and wait until it has ended."""
        kubectl("scale", "deployment", self._name, "-n", NAMESPACE, "--replicas=0")
        pods = ("pod", "-n", NAMESPACE, "-l", f"{APP}={self._name}")
        kubectl("wait", *pods, "--for=delete", f"--timeout={PATIENCE:.0f}s")

    def start(self) -> None:
        """Scale it up again, and wait until all replicas are ready."""
        replicas = f"--replicas={self.replicas}"
        kubectl("scale", "deployment", self._name, "-n", NAMESPACE, replicas)
        timeout = f"--timeout={PATIENCE:.0f}s"
        kubectl("rollout", "status", f"deployment/{self._name}", "-n", NAMESPACE, timeout)

    @contextmanager
    def down(self) -> Iterator[None]:
        """Stop it, and start it again afterwards."""
        self.stop()
        try:
            yield
        finally:
            self.start()

    def leader(self) -> Object:
        """The pod of the leader, which holds the Lease, once there is one."""
        found: list[Object] = []

        def is_held(lease: Object) -> bool:
            holder = lease["spec"].get("holderIdentity") or ""  # a pod that may be gone
            found[:] = [pod for pod in self.pods() if holder.startswith(pod["metadata"]["name"])]
            return bool(found)

        wait_until("is held", "lease", NAMESPACE, is_held, self._lease)
        (pod,) = found
        return pod

    def wait_led(self, seconds: float) -> None:
        """Wait until a replica leads: until it renews the Lease once more."""
        lease = get("lease", NAMESPACE, self._name)
        assert lease is not None
        renewed = lease["spec"]["renewTime"]
        wait_until(
            "is renewed",
            "lease",
            NAMESPACE,
            lambda lease: bool(lease["spec"]["renewTime"] != renewed),
            self._lease,
            seconds=seconds,
        )

    def pods(self) -> list[Object]:
        return get_all("pods", NAMESPACE, f"{APP}={self._name}")

    def restarts(self) -> dict[str, int]:
        """The restart counts of the containers of the pods that are not being deleted."""
        return {
            pod["metadata"]["name"]: pod["status"]["containerStatuses"][0]["restartCount"]
            for pod in self.pods()
            if "deletionTimestamp" not in pod["metadata"]
        }


DEPLOYED = Operator(replicas=2)


def log(instance: str, since: str) -> str:
    """The logs of the deployed operator and of the instance since then (RFC 3339)."""
    options = ("--tail=-1", "--prefix", f"--since-time={since}")
    names = f"{APP} in ({NAME}, {NAME}-{instance})"
    return kubectl("logs", "-n", NAMESPACE, "-l", names, *options)
