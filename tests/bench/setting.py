"""Where it is measured: a namespace of its own, and what there is to know of the cluster."""

import json
import os
import platform
from datetime import UTC, datetime

from bench.agent import stepper
from bench.api import Object
from cluster import kubectl
from cluster.paths import CHECKOUT

NAMESPACE = "agentrun-bench"
OPERATOR = ("--namespace", "agentrun-system", "get", "--output=json")
OPERATOR_PODS = ("pods", "--selector=app.kubernetes.io/name=agentrun-operator")


def set_up() -> None:
    """Make the namespace anew: a store, the sample agent. Raises CommandError."""
    remove()
    namespace: Object = {
        "apiVersion": "v1",
        "kind": "Namespace",
        "metadata": {
            "name": NAMESPACE,
            "labels": {"pod-security.kubernetes.io/enforce": "restricted"},
        },
    }
    kubectl("create", "--filename=-", stdin=json.dumps(namespace))
    for sample in ("store.yaml", "agent.yaml"):
        path = CHECKOUT / "manifests" / "samples" / sample
        kubectl("apply", "--namespace", NAMESPACE, "--filename", str(path))
    agent = {"apiVersion": "v1", "kind": "List", "items": stepper()}
    kubectl("create", "--namespace", NAMESPACE, "--filename=-", stdin=json.dumps(agent))
    # Without it the namespace takes no pod; the controller manager makes it a moment later.
    account = ("serviceaccount", "default", "--namespace", NAMESPACE)
    kubectl("wait", *account, "--for=create", "--timeout=60s")


def remove() -> None:
    """Remove the namespace and all that is in it. Raises CommandError."""
    kubectl("delete", "namespace", NAMESPACE, "--ignore-not-found", "--timeout=120s")


def facts() -> dict[str, str]:
    """What the figures depend on: versions, machine, date."""
    node = json.loads(kubectl("get", "nodes", "--output=json"))["items"][0]
    info, capacity = node["status"]["nodeInfo"], node["status"]["capacity"]
    memory = int(capacity["memory"].removesuffix("Ki")) / 2**20
    container = _operator_container()
    return {
        "date": datetime.now(UTC).strftime("%Y-%m-%d %H:%M UTC"),
        "machine": f"{capacity['cpu']} cores, {memory:.0f} GiB, {platform.machine()}",
        "kernel": info["kernelVersion"],
        "Kubernetes": info["kubeletVersion"],
        "container runtime": info["containerRuntimeVersion"],
        "images": f"{container['image']}, {runner_image()}",
    }


def runner_image() -> str:
    """The image that the operator makes pods from."""
    variables = {variable["name"]: variable for variable in _operator_container()["env"]}
    return str(variables["AGENTRUN_RUNNER_IMAGE"]["value"])


def _operator_container() -> Object:
    deployment = json.loads(kubectl(*OPERATOR, "deployment", "agentrun-operator"))
    container: Object = deployment["spec"]["template"]["spec"]["containers"][0]
    return container


def operator() -> list[str]:
    """IDs of the operator's containers: others when it has been started anew."""
    pods = json.loads(kubectl(*OPERATOR, *OPERATOR_PODS))
    statuses = [status for pod in pods["items"] for status in pod["status"]["containerStatuses"]]
    return [status["containerID"] for status in statuses]


def load() -> str:
    """How many processes ran or waited to run in the last minute, and whether that is quiet."""
    load, cores = os.getloadavg()[0], os.cpu_count() or 1
    quiet = "quiet" if load <= cores / 2 else "NOT quiet: something else was running"
    return f"{load:.1f} on {cores} cores, {quiet}"
