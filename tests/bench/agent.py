"""The agents that are measured, and runs of them."""

import json

from bench.api import Api, MeasurementError, Object
from cluster.paths import CHECKOUT

SAMPLE = "researcher"  # of manifests/samples/agent.yaml
STEPPER = "stepper"  # of agents/stepper.py
WORK = {"read", "step"}  # the nodes of both that take their time


def stepper() -> list[Object]:
    """The agent of agents/stepper.py, and the ConfigMap with its module."""
    module = CHECKOUT / "tests" / "bench" / "agents" / f"{STEPPER}.py"
    return [
        {
            "apiVersion": "v1",
            "kind": "ConfigMap",
            "metadata": {"name": STEPPER},
            "data": {module.name: module.read_text()},
        },
        {
            "apiVersion": "agentrun.dev/v1alpha1",
            "kind": "Agent",
            "metadata": {"name": STEPPER},
            "spec": {
                "runtime": {"langgraph": {"graph": f"{STEPPER}:graph"}},
                "code": {"configMap": {"name": STEPPER}},
                "resources": {"requests": {"cpu": "50m", "memory": "96Mi"}},
            },
        },
    ]


def short_run(name: str) -> Object:
    """A run that ends at once."""
    return _run(SAMPLE, name, name, {"question": "How long?", "sources": 1, "seconds": 0})


def long_run(name: str) -> Object:
    """A run that would take half an hour, with a step every two seconds."""
    return _run(SAMPLE, name, name, {"question": "How long?", "sources": 900, "seconds": 2})


def quick_steps(name: str, thread: str, steps: int) -> Object:
    """A run that takes so many steps on a thread, as fast as it can, and ends."""
    run = _run(STEPPER, name, thread, {"steps": steps})
    run["spec"]["config"] = {"recursionLimit": steps + 1}
    return run


def slow_steps(name: str, thread: str) -> Object:
    """A run that would take weeks on a thread, with a step every two seconds."""
    return _run(STEPPER, name, thread, {"steps": 1_000_000, "seconds": 2})


def wait_until_at_work(api: Api, pod: str) -> None:
    """Wait until a long run's first step has been taken, and its checkpoint is in the store.

    The run's pod is then older than two seconds. That matters: what the kubelet does to a pod
    waits until it has looked at the pod's containers once more since it last did something to it,
    and it looks once a second. A younger pod is stopped up to a second later.
    """
    with api.log(pod, "agent") as lines:
        for line in lines:
            event = json.loads(line)
            if event["event"] == "updates" and WORK & event["data"].keys():
                return
    raise MeasurementError(f"the log of pod {pod} has ended before the agent took a step")


def _run(agent: str, name: str, thread: str, given: Object) -> Object:
    return {
        "apiVersion": "agentrun.dev/v1alpha1",
        "kind": "AgentRun",
        "metadata": {"name": name},
        "spec": {"agentRef": {"name": agent}, "thread": thread, "input": given},
    }
