"""A cancel while one pod of a run goes and the next one comes: the next one never begins."""

from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from .deployment import created
from .kubectl import get, kubectl, wait_until
from .namespace import Namespace
from .run import Run


def wait_ended(run: Run, action: str) -> None:
    """Wait until it has ended as it was asked to, with nothing of it alive."""
    if action == "interrupt":
        run.wait("Interrupted", seconds=30)
    else:
        run.wait_gone(seconds=30)
    assert run.processes() == []
    begun = [reason for reason, _ in run.events()].count("AgentStarted")
    assert begun <= 1, "no second pod may have begun"


def expect_nothing_follows(ns: Namespace, run: Run, action: str) -> None:
    """The thread is free, its checkpoints are as they should be, and no pod comes any more."""
    before = created(ns.name, "pods")
    ns.run("echoes", thread="t", input={"text": "x"}).wait("Succeeded")
    assert run.processes() == []
    assert created(ns.name, "pods") == before + 1
    kept = ns.store().checkpoints_of("threads/t", run.uid)
    assert bool(kept) == (action == "interrupt")


@pytest.mark.parametrize(
    ("first", "action"),
    [("cancel", "interrupt"), ("cancel", "rollback"), ("eviction", "rollback")],
)
def test_a_cancel_and_an_eviction_at_the_same_moment(
    ns: Namespace, first: str, action: str
) -> None:
    """Failure modes 21 and 24."""
    run = ns.run("ignores-sigterm", thread="t", input={}, gracePeriodSeconds=3, retries=3)
    run.wait_step(1)
    pod = run.pod()["metadata"]["name"]
    if first == "cancel":
        run.cancel(action)
        run.evict(pod)
    else:
        run.evict(pod)
        run.cancel(action)
    wait_ended(run, action)
    expect_nothing_follows(ns, run, action)


def test_a_rollback_while_a_retry_waits(ns: Namespace) -> None:
    """Failure mode 24."""
    run = ns.run("raises", thread="t", input={}, retries=5)
    run.wait_waiting("Retrying")
    run.cancel("rollback")
    wait_ended(run, "rollback")
    expect_nothing_follows(ns, run, "rollback")


@pytest.mark.parametrize("action", ["interrupt", "rollback"])
def test_a_cancel_while_the_next_pod_is_being_made(ns: Namespace, action: str) -> None:
    """Failure modes 21 and 24."""
    run = ns.held_run(retries=3)
    first = run.pod()["metadata"]
    with without_code(ns):
        run.evict(first["name"])
        wait_until(
            "the next pod is there, and cannot begin",
            "pods",
            ns.name,
            lambda pod: (
                pod["metadata"]["uid"] != first["uid"]
                and bool(pod["spec"].get("nodeName"))
                and pod["status"]["phase"] == "Pending"
            ),
            f"--selector=agentrun.dev/run-uid={run.uid}",
        )
        run.cancel(action)
        wait_ended(run, action)
    expect_nothing_follows(ns, run, action)


@contextmanager
def without_code(ns: Namespace) -> Iterator[None]:
    """In here no pod of an agent can start: what its code volume is made from is not there."""
    code = get("configmap", ns.name, "agents")
    assert code is not None
    kubectl("delete", "configmap", "agents", "-n", ns.name)
    try:
        yield
    finally:
        del code["metadata"]["resourceVersion"]
        ns.create(code)
