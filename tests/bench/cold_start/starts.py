"""Starting the operator's Deployment, one replica at a time, and what is seen of it."""

import json
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime

from bench.api import Api, MeasurementError, Object
from bench.cold_start.process import Process, look
from cluster import kubectl
from cluster.shell import say

NAMESPACE = "agentrun-system"
DEPLOYMENT = "agentrun-operator"
CONTAINER = "operator"
SELECTOR = f"app.kubernetes.io/name={DEPLOYMENT}"
HAS_READ = "Everything has been read"
STARTS = 5
# By then its watches have begun, with lists of their own, and all has been read once more.
LATER_SECONDS = 15


@dataclass(frozen=True)
class ColdStart:
    """Times in Unix seconds."""

    scaled_at: float
    ready_at: float
    read_at: float
    process: Process
    """Just after the pod was seen to be ready."""


@dataclass(frozen=True)
class ColdStarts:
    starts: list[ColdStart]
    later: Process
    """The last one's process, LATER_SECONDS after its start."""


@contextmanager
def operator_down() -> Iterator[None]:
    """The Deployment has no replicas in here, and as many as before afterwards."""
    replicas = json.loads(_deployment("get", "--output=json"))["spec"]["replicas"]
    _stop()
    try:
        yield
    finally:
        _stop()
        _scale(replicas)
        kubectl("-n", NAMESPACE, "rollout", "status", f"deployment/{DEPLOYMENT}", "--timeout=120s")


def cold_starts(among: str) -> ColdStarts:
    """Start the operator several times, from nothing. It is down afterwards."""
    starts = []
    for number in range(1, STARTS + 1):
        say(f"start {number} of {STARTS} of the operator, {among}")
        pod, start = _start()
        starts.append(start)
        say(f"  ready after {start.ready_at - start.scaled_at:.1f} s")
        if number == STARTS:
            time.sleep(max(0, start.process.started_at + LATER_SECONDS - time.time()))
            later = look(pod["metadata"]["uid"])
        _stop()
    return ColdStarts(starts, later)


def _start() -> tuple[Object, ColdStart]:
    api = Api(NAMESPACE)
    with api.watch("pods", labelSelector=SELECTOR) as pods:
        scaled_at = time.time()
        _scale(1)
        pod, ready_at = pods.until("readiness of the operator", _ready)
    process = look(pod["metadata"]["uid"])
    return pod, ColdStart(scaled_at, ready_at, _read_at(api, pod), process)


def _ready(event: str, pod: Object) -> bool:
    conditions = pod["status"].get("conditions") or []
    return any(c["type"] == "Ready" and c["status"] == "True" for c in conditions)


def _read_at(api: Api, pod: Object) -> float:
    name = pod["metadata"]["name"]
    with api.log(name, CONTAINER) as lines:
        for line in lines:
            said = json.loads(line)
            if said["message"] == HAS_READ:
                return datetime.fromisoformat(said["timestamp"]).timestamp()
    raise MeasurementError(f"the log of pod {name} has ended before {HAS_READ!r}")


def _stop() -> None:
    _scale(0)
    kubectl(
        *("-n", NAMESPACE, "wait", "pod", f"--selector={SELECTOR}"),
        *("--for=delete", "--timeout=120s"),
    )


def _scale(replicas: int) -> None:
    _deployment("scale", f"--replicas={replicas}")


def _deployment(verb: str, option: str) -> str:
    return kubectl("-n", NAMESPACE, verb, "deployment", DEPLOYMENT, option)
