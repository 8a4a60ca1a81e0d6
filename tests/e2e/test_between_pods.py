"""A cancel between one pod of a run and its next: the next one never begins."""

from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from .deployment import created
from .kubectl import Object, get, kubectl, wait_until, watch
from .namespace import Namespace, agent
from .node import kill_python
from .run import Run, condition


def wait_ended(run: Run, action: str) -> None:
    """Wait until it has ended as requested, with no process of it alive."""
    if action == "interrupt":
        run.wait("Interrupted", seconds=30)
    else:
        run.wait_gone(seconds=30)
    assert run.processes() == []
    begun = [reason for reason, _ in run.events()].count("AgentStarted")
    assert begun <= 1, "no second pod may have begun"


def expect_nothing_follows(ns: Namespace, run: Run, action: str) -> None:
    """The thread is free, its checkpoints are as expected, and no further pod is created."""
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
def test_a_cancel_and_an_eviction_at_the_same_moment_leave_nothing_alive(
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


def test_a_rollback_while_a_retry_waits_leaves_no_next_pod(ns: Namespace) -> None:
    """Failure mode 24."""
    run = ns.run("raises", thread="t", input={}, retries=5)
    run.wait_waiting("Retrying")
    run.cancel("rollback")
    wait_ended(run, "rollback")
    expect_nothing_follows(ns, run, "rollback")


@pytest.mark.parametrize("action", ["interrupt", "rollback"])
def test_a_cancel_while_the_next_pod_is_being_made_leaves_nothing_alive(
    ns: Namespace, action: str
) -> None:
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


@pytest.mark.parametrize("moment", ["its pod fails", "a retry waits"])
@pytest.mark.parametrize("by_now", ["has no retries", "is gone"])
def test_a_run_is_cancelled_although_its_agent_was_edited_or_deleted(
    ns: Namespace, by_now: str, moment: str
) -> None:
    """Failure mode 24. The Job controller may be creating a pod for the Job's old template."""
    ns.create(agent("edited", graph="steps:graph", retries=3))
    config = {"configurable": {"hold": 3}}
    run = ns.run("edited", thread="t", input={"steps": 4}, config=config)
    run.wait_step(3)
    if by_now == "is gone":
        kubectl("delete", "agent", "edited", "-n", ns.name)
    else:
        ns.replace(agent("edited", graph="steps:graph", retries=0))
    kill_python(run.pod()["metadata"]["uid"])
    if moment == "a retry waits":
        run.wait_waiting("Retrying")
    job = watch("jobs", ns.name, f"--field-selector=metadata.name={run.name}")
    assert not is_over(*next(job))
    run.cancel("interrupt")
    wait_ended(run, "interrupt")
    over = next(obj for event, obj in job if is_over(event, obj))
    assert version(over) < version(run.get()), "the run ended while its Job could make a pod"
    expect_nothing_follows(ns, run, "interrupt")


def is_over(event: str, job: Object) -> bool:
    """Whether a watch event shows that the Job can create no more pods."""
    return event == "DELETED" or condition(job, "Failed") is not None


def version(obj: Object) -> int:
    """The resource version as a number: one counter numbers the changes of all objects."""
    return int(obj["metadata"]["resourceVersion"])


@contextmanager
def without_code(ns: Namespace) -> Iterator[None]:
    """Keeps an agent's pods from starting: the ConfigMap of their code volume is missing."""
    code = get("configmap", ns.name, "agents")
    assert code is not None
    kubectl("delete", "configmap", "agents", "-n", ns.name)
    try:
        yield
    finally:
        del code["metadata"]["resourceVersion"]
        ns.create(code)
