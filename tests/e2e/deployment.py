"""The operator's Deployment: its images, its log, and stopping and starting it."""

import json
from collections.abc import Iterator
from contextlib import contextmanager

from cluster.audit import audit_log

from .kubectl import PATIENCE, Object, get, get_all, kubectl, wait_until

NAMESPACE = "agentrun-system"
NAME = "agentrun-operator"
SELECTOR = f"app.kubernetes.io/name={NAME}"
REPLICAS = 2
USER = f"system:serviceaccount:{NAMESPACE}:{NAME}"


def _container() -> Object:
    deployment = get("deployment", NAMESPACE, NAME)
    assert deployment is not None, f"there is no Deployment {NAME}: run `make deploy`"
    container: Object = deployment["spec"]["template"]["spec"]["containers"][0]
    return container


def runner_image() -> str:
    """The image that the operator makes pods from."""
    for variable in _container()["env"]:
        if variable["name"] == "AGENTRUN_RUNNER_IMAGE":
            return str(variable["value"])
    raise LookupError(f"the Deployment {NAME} does not set AGENTRUN_RUNNER_IMAGE")


def operator_image() -> str:
    """The operator's own image: for agents an image like any other, that has Python."""
    return str(_container()["image"])


def log(since: str) -> str:
    """What the operator has logged since then (RFC 3339)."""
    options = ("--tail=-1", "--prefix", f"--since-time={since}")
    return kubectl("logs", "-n", NAMESPACE, "-l", SELECTOR, *options)


def stop() -> None:
    """Scale the operator to nothing, and wait until it has ended."""
    kubectl("scale", "deployment", NAME, "-n", NAMESPACE, "--replicas=0")
    timeout = f"--timeout={PATIENCE:.0f}s"
    kubectl("wait", "pod", "-n", NAMESPACE, "-l", SELECTOR, "--for=delete", timeout)


def start() -> None:
    """Have two replicas of the operator, and wait until they are ready."""
    kubectl("scale", "deployment", NAME, "-n", NAMESPACE, f"--replicas={REPLICAS}")
    timeout = f"--timeout={PATIENCE:.0f}s"
    kubectl("rollout", "status", f"deployment/{NAME}", "-n", NAMESPACE, timeout)


@contextmanager
def down() -> Iterator[None]:
    """The operator is down in here, and works again afterwards."""
    stop()
    try:
        yield
    finally:
        start()


def leader() -> Object:
    """The pod of the replica that works: the one that holds the Lease, as soon as there is one."""
    found: list[Object] = []

    def is_held(lease: Object) -> bool:
        holder = lease["spec"].get("holderIdentity") or ""  # which may be gone
        found[:] = [pod for pod in pods() if holder.startswith(pod["metadata"]["name"])]
        return bool(found)

    wait_until("is held", "lease", NAMESPACE, is_held, f"--field-selector=metadata.name={NAME}")
    (pod,) = found
    return pod


def wait_led(seconds: float) -> None:
    """Wait until a replica works: until the Lease is renewed once more."""
    lease = get("lease", NAMESPACE, NAME)
    assert lease is not None
    renewed = lease["spec"]["renewTime"]
    wait_until(
        "is renewed",
        "lease",
        NAMESPACE,
        lambda lease: bool(lease["spec"]["renewTime"] != renewed),
        f"--field-selector=metadata.name={NAME}",
        seconds=seconds,
    )


def pods() -> list[Object]:
    """The operator's pods."""
    return get_all("pods", NAMESPACE, SELECTOR)


def restarts() -> dict[str, int]:
    """How often the container of each of the operator's pods that stay was started anew."""
    return {
        pod["metadata"]["name"]: pod["status"]["containerStatuses"][0]["restartCount"]
        for pod in pods()
        if "deletionTimestamp" not in pod["metadata"]
    }


def writes(namespace: str, resource: str = "", name: str = "") -> list[str]:
    """What the operator has written in a namespace, oldest first: "verb resource/name -> code".

    From the API server's audit log.
    """
    return [
        f"{event['verb']} {_what(event['objectRef'])} -> {event['responseStatus']['code']}"
        for event in _audited(namespace)
        if event["user"]["username"] == USER
        and resource in ("", event["objectRef"]["resource"])
        and name in ("", event["objectRef"].get("name", ""))
    ]


def created(namespace: str, resource: str) -> int:
    """How many objects of the kind the operator and Kubernetes have ever made in a namespace."""
    return sum(
        event["verb"] == "create"
        and event["user"]["username"].startswith("system:")
        and event["objectRef"]["resource"] == resource
        and "subresource" not in event["objectRef"]
        and event["responseStatus"]["code"] == 201
        for event in _audited(namespace)
    )


def wait_let_go(kind: str, namespace: str, name: str) -> None:
    """Wait until the label says that the operator has nothing more to learn from it."""
    wait_until(
        f"{kind} {name} is let go",
        kind,
        namespace,
        lambda obj: "agentrun.dev/finished" in obj["metadata"]["labels"],
        f"--field-selector=metadata.name={name}",
    )


def _audited(namespace: str) -> list[Object]:
    return [
        event
        for event in audit_log(namespace)
        if event.get("objectRef", {}).get("namespace") == namespace and "responseStatus" in event
    ]


def _what(reference: Object) -> str:
    parts = (reference["resource"], reference.get("subresource"), reference.get("name"))
    return json.dumps("/".join(part for part in parts if part))
