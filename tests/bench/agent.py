"""Runs of the sample agent."""

import json

from bench.api import Api, MeasurementError, Object

AGENT = "researcher"  # of manifests/samples/agent.yaml


def short_run(name: str) -> Object:
    """A run that ends at once."""
    return _run(name, {"sources": 1, "seconds": 0})


def long_run(name: str) -> Object:
    """A run that would take half an hour, with a step every two seconds."""
    return _run(name, {"sources": 900, "seconds": 2})


def wait_until_at_work(api: Api, pod: str) -> None:
    """Wait until the first source has been read, and its checkpoint is in the store.

    A long run's pod is then older than two seconds. That matters: what the kubelet does to a pod
    waits until it has looked at the pod's containers once more since it last did something to it,
    and it looks once a second. A younger pod is stopped up to a second later.
    """
    with api.log(pod, "agent") as lines:
        for line in lines:
            event = json.loads(line)
            if event["event"] == "updates" and "read" in event["data"]:
                return
    raise MeasurementError(f"the log of pod {pod} has ended before a source was read")


def _run(name: str, options: Object) -> Object:
    """On a thread of its own."""
    return {
        "apiVersion": "agentrun.dev/v1alpha1",
        "kind": "AgentRun",
        "metadata": {"name": name},
        "spec": {
            "agentRef": {"name": AGENT},
            "thread": name,
            "input": {"question": "How long does it take?", **options},
        },
    }
