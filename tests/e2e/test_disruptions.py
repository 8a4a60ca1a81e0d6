"""The cluster disrupts a run's pod: that is no cancel, and uses up no retry."""

import json
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from . import deployment
from .kubectl import Object, get_all, kubectl, wait_until
from .namespace import Namespace, agent
from .run import Run

SEAT = "agentrun.dev/seat"


def wait_in_next_pod(run: Run, first: Object) -> None:
    """Wait until the run's agent runs again, in another pod."""

    def runs_again(obj: Object) -> bool:
        status = obj["status"]
        assert "finishedAt" not in status, status
        return bool(status["phase"] == "Running" and status["podName"] != first["metadata"]["name"])

    run.wait_until("runs in its next pod", runs_again)


def expect_it_went_on(run: Run) -> None:
    """The run resumed at its third step of four."""
    run.open_gate()
    status = run.wait("Succeeded")["status"]
    assert status["output"]["done"] == [1, 2, 3, 4]
    assert status["attempts"] == 2
    assert [line["step"] for line in run.log() if line["event"] == "begin"] == [3, 4]


def expect_it_never_came_back(run: Run) -> None:
    run.wait("Interrupted", seconds=30)
    assert run.processes() == []
    begun = [reason for reason, _ in run.events()].count("AgentStarted")
    assert begun == 1, "no second pod may have begun"


@contextmanager
def drained(node: str, *runs: Run) -> Iterator[None]:
    """Cordons the node and evicts the runs' pods; uncordons it afterwards."""
    pods = f"--pod-selector=agentrun.dev/run-uid in ({','.join(run.uid for run in runs)})"
    try:
        kubectl("drain", node, pods, "--delete-emptydir-data", "--timeout=60s")
        yield
    finally:
        kubectl("uncordon", node)


@pytest.mark.alone
@pytest.mark.usefixtures("no_other_namespaces")
def test_a_drained_run_resumes_in_its_next_pod_and_a_cancelled_one_does_not(ns: Namespace) -> None:
    """Failure mode 24. Without retries: a drain uses none up."""
    onward, cancelled = ns.held_run(thread="a", hold=3), ns.held_run(thread="b", hold=3)
    first = onward.pod()
    with drained(first["spec"]["nodeName"], onward, cancelled):
        for run in (onward, cancelled):
            run.wait_waiting("Unschedulable")
        assert onward.processes() == cancelled.processes() == []
        cancelled.cancel("interrupt")
        expect_it_never_came_back(cancelled)
    wait_in_next_pod(onward, first)
    expect_it_went_on(onward)
    assert ns.store().state("b").values["done"] == [1, 2]


def a_node() -> str:
    """The name of a schedulable node."""
    nodes = [node for node in get_all("nodes", "") if "taints" not in node["spec"]]
    return str(nodes[0]["metadata"]["name"])


@contextmanager
def seat(node: str, resource: str) -> Iterator[None]:
    """Gives the node one unit of a resource that no other pod requests."""
    path = "/status/capacity/" + resource.replace("/", "~1")
    options = ("patch", "node", node, "--subresource=status", "--type=json", "-p")
    kubectl(*options, json.dumps([{"op": "add", "path": path, "value": "1"}]))
    try:
        wait_until(
            f"has {resource}",
            "nodes",
            "",
            lambda obj: obj["status"]["allocatable"].get(resource) == "1",
            f"--field-selector=metadata.name={node}",
        )
        yield
    finally:
        kubectl(*options, json.dumps([{"op": "remove", "path": path}]))


def test_a_preempted_run_resumes_when_there_is_room_again(ns: Namespace) -> None:
    """Without retries: a preemption uses none up."""
    resource = f"{SEAT}-{ns.name}"
    ns.create(agent("seated", graph="steps:graph", resources={"limits": {resource: "1"}}))
    vip = Object(
        apiVersion="v1",
        kind="Pod",
        metadata={"name": "vip"},
        spec={
            "priorityClassName": "system-cluster-critical",
            "terminationGracePeriodSeconds": 0,
            "securityContext": {"runAsNonRoot": True, "seccompProfile": {"type": "RuntimeDefault"}},
            "containers": [
                {
                    "name": "vip",
                    "image": deployment.runner_image(),
                    "command": ["python3", "-c", "import signal; signal.pause()"],
                    "resources": {"limits": {resource: "1"}},
                    "securityContext": {
                        "allowPrivilegeEscalation": False,
                        "capabilities": {"drop": ["ALL"]},
                    },
                }
            ],
        },
    )
    with seat(a_node(), resource):
        config = {"configurable": {"hold": 3}}
        run = ns.run("seated", thread="t", input={"steps": 4}, config=config)
        run.wait_step(3)
        first = run.pod()
        ns.create(vip)
        run.wait_waiting("Unschedulable")
        assert run.processes() == []
        reasons = kubectl("get", "events", "-n", ns.name, "-ojsonpath={.items[*].reason}")
        assert "Preempted" in reasons.split(), "else this shows nothing"
        kubectl("delete", "pod", "vip", "-n", ns.name)
        wait_in_next_pod(run, first)
        expect_it_went_on(run)
