"""The status of a pod as its kubelet reports it."""

from datetime import UTC, datetime

from agentrun_kube.names import COMPONENT_AGENT, LABEL_COMPONENT
from objects import Object, label
from simulated.container import Exit

EVICTED = "Evicted"


def is_agent(pod: Object) -> bool:
    return label(pod, LABEL_COMPONENT) == COMPONENT_AGENT


def stamp() -> str:
    return datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def _container(pod: Object, state: Object, started: bool) -> Object:
    container = pod["spec"]["containers"][0]
    return {
        "name": container["name"],
        "image": container["image"],
        "imageID": "",
        "ready": "running" in state,
        "restartCount": 0,
        "started": started,
        "state": state,
    }


def waiting(pod: Object, acknowledged: str) -> Object:
    state = {"waiting": {"reason": "ContainerCreating"}}
    return {
        "phase": "Pending",
        "startTime": acknowledged,
        "containerStatuses": [_container(pod, state, started=False)],
    }


def running(pod: Object, started: str) -> Object:
    state = {"running": {"startedAt": started}}
    return {"phase": "Running", "containerStatuses": [_container(pod, state, started=True)]}


def ended(pod: Object, end: Exit, started: str | None, stop_reason: str) -> Object:
    """``stop_reason``: why the kubelet itself set out to stop it, if it did."""
    terminated: Object = {
        "exitCode": end.code,
        "reason": end.reason or ("Error" if end.code else "Completed"),
        "message": end.message,
        # A real kubelet writes null for a container that never started.
        "startedAt": started,
        "finishedAt": started and stamp(),
    }
    status: Object = {
        "phase": "Failed" if end.code or stop_reason else "Succeeded",
        "containerStatuses": [_container(pod, {"terminated": terminated}, started=False)],
    }
    if stop_reason:
        status["reason"] = stop_reason
    if stop_reason == EVICTED:
        disruption = {
            "type": "DisruptionTarget",
            "status": "True",
            "reason": "TerminationByKubelet",
        }
        status["conditions"] = [disruption | {"lastTransitionTime": stamp()}]
    return status
