"""Faults of the cluster itself. Each context manager repairs its fault at the end."""

import json
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime

from cluster import node_exec

from .kubectl import KubectlError, Object, create, kubectl, wait_until
from .node import signal_python
from .operators import DEPLOYED
from .run import Run

STATIC_PODS = "/etc/kubernetes/manifests"
API_SERVER = "kube-apiserver.yaml"
# Seconds until the API server runs, and after it the components that ended without it. Pods reach
# it through kube-proxy, which retries every 30 to 60 s.
UNTIL_BACK = 120


@contextmanager
def kubelet_stopped(node: str) -> Iterator[None]:
    """Stops the kubelet, but not the containers, and waits afterwards until the node is Ready."""
    node_exec("systemctl", "stop", "kubelet")
    try:
        yield
    finally:
        node_exec("systemctl", "start", "kubelet")
        kubectl("wait", "node", node, "--for=condition=Ready", "--timeout=60s")
        DEPLOYED.start()


@contextmanager
def api_server_away(seconds: float) -> Iterator[None]:
    """Stops the API server for at least ``seconds``, and waits afterwards until all is Ready."""
    node_exec("mv", f"{STATIC_PODS}/{API_SERVER}", f"{STATIC_PODS}/../{API_SERVER}")
    try:
        _wait_for_api_server(there=False)
        began = time.monotonic()
        yield
        # The duration is the fault itself, not a wait for a condition.
        time.sleep(max(0, began + seconds - time.monotonic()))
    finally:
        node_exec("mv", f"{STATIC_PODS}/../{API_SERVER}", f"{STATIC_PODS}/{API_SERVER}")
        _wait_for_api_server(there=True)
        control_plane = ("pod", "-n", "kube-system", "-l", "tier=control-plane")
        kubectl("wait", *control_plane, "--for=condition=Ready", f"--timeout={UNTIL_BACK}s")
        DEPLOYED.wait_led(UNTIL_BACK)
        DEPLOYED.start()


def _wait_for_api_server(*, there: bool) -> None:
    deadline = time.monotonic() + UNTIL_BACK
    while _api_server_is_ready() != there:
        assert time.monotonic() < deadline, f"API server: not {there=} within {UNTIL_BACK} s"
        time.sleep(0.2)


def _api_server_is_ready() -> bool:
    try:
        kubectl("get", "--raw=/readyz", "--request-timeout=5s")
    except KubectlError:
        return False
    return True


@contextmanager
def frozen(pod: Object) -> Iterator[None]:
    """Stops the Python processes of a pod with SIGSTOP, and continues them afterwards."""
    signal_python(pod["metadata"]["uid"], "STOP")
    try:
        yield
    finally:
        signal_python(pod["metadata"]["uid"], "CONT")


@contextmanager
def no_node_takes_pods() -> Iterator[None]:
    """Keeps the scheduler from binding any new pod to a node."""
    nodes = ("--selector=kubernetes.io/os=linux",)
    kubectl("cordon", *nodes)
    try:
        yield
    finally:
        kubectl("uncordon", *nodes)


@contextmanager
def nodes_tainted(key: str) -> Iterator[None]:
    """Taints the nodes: only pods that tolerate this taint get one."""
    kubectl("taint", "nodes", "--all", f"{key}=:NoSchedule")
    try:
        yield
    finally:
        kubectl("taint", "nodes", "--all", f"{key}-")


@contextmanager
def node_without_kubelet(name: str) -> Iterator[None]:
    """Creates a Node without a kubelet, on which the scheduler places no pods."""
    taints = [{"key": "agentrun.dev/e2e", "effect": "NoSchedule"}]
    node = {"apiVersion": "v1", "kind": "Node", "metadata": {"name": name}}
    create(node | {"spec": {"taints": taints}})
    try:
        yield
    finally:
        kubectl("delete", "node", name, "--ignore-not-found")


def report_running(run: Run) -> None:
    """Wait for the run's pod, and write the status that a kubelet writes when the agent starts."""
    selector = f"--selector=agentrun.dev/run-uid={run.uid}"
    pod = wait_until("has a pod", "pods", run.namespace, bool, selector)
    now = datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    container = {
        "name": "agent",
        "image": "",
        "imageID": "",
        "ready": True,
        "restartCount": 0,
        "state": {"running": {"startedAt": now}},
    }
    status = {"phase": "Running", "startTime": now, "containerStatuses": [container]}
    kubectl(
        *("patch", "pod", pod["metadata"]["name"], "-n", run.namespace),
        *("--subresource=status", "--type=merge", f"--patch={json.dumps({'status': status})}"),
    )
