"""Two replicas: one leads, the other takes over."""

from collections.abc import Iterator
from datetime import UTC, datetime

import pytest

from . import deployment, faults
from .kubectl import Object, kubectl, wait_until
from .namespace import Namespace
from .node import kill_python
from .operators import Operator


@pytest.fixture
def two(operator: Operator) -> Iterator[Operator]:
    """An operator of the test's own, with two replicas."""
    operator.replicas = 2
    operator.start()
    yield operator
    operator.replicas = 1


def test_the_standby_takes_over_at_once_when_the_leader_is_told_to_end(
    ns: Namespace, two: Operator
) -> None:
    """Failure mode 26."""
    run = ns.held_run()
    leader = two.leader()["metadata"]["name"]
    kubectl("delete", "pod", leader, "-n", deployment.NAMESPACE, "--wait=false")
    run.cancel("interrupt")
    run.wait("Interrupted", seconds=20)
    assert run.processes() == []
    assert two.leader()["metadata"]["name"] != leader
    two.start()


def test_the_standby_takes_over_within_the_leases_time_when_the_leader_is_killed(
    ns: Namespace, two: Operator
) -> None:
    """Failure mode 26."""
    run = ns.held_run()
    kill_python(two.leader()["metadata"]["uid"])
    began = datetime.now(UTC)
    run.cancel("interrupt")
    run.wait("Interrupted", seconds=40)
    assert run.processes() == []
    # The Lease expires after 15 s, and the standby checks it every 2 s.
    assert (datetime.now(UTC) - began).total_seconds() < 25
    two.start()


def settled(obj: Object) -> bool:
    """Whether the operator has finished its work on the run."""
    return bool(obj["status"].get("settled") and not obj["metadata"].get("finalizers"))


def test_a_leader_that_hangs_for_longer_than_its_lease_does_no_harm_when_it_wakes_up(
    ns: Namespace, two: Operator
) -> None:
    """Failure mode 26."""
    interrupted = ns.held_run(thread="a")
    rolled_back = ns.held_run(thread="b")
    completed = ns.held_run(thread="c", hold=1)
    hung = two.leader()
    name = hung["metadata"]["name"]
    starts = two.restarts()[name]
    with faults.frozen(hung):
        interrupted.cancel("interrupt")
        rolled_back.cancel("rollback")
        completed.open_gate()
        born = ns.run("steps", thread="d", input={"steps": 1})
        rolled_back.wait_gone(seconds=60)
        done = [run.wait_until("is settled", settled) for run in (interrupted, completed, born)]
        assert [obj["status"]["phase"] for obj in done] == ["Interrupted", "Succeeded", "Succeeded"]
        assert two.leader()["metadata"]["name"] != name
    wait_until(
        "the kubelet has restarted the frozen replica",
        "pods",
        deployment.NAMESPACE,
        lambda pod: pod["status"]["containerStatuses"][0]["restartCount"] > starts,
        f"--field-selector=metadata.name={name}",
    )
    two.start()
    for run, before in zip((interrupted, completed, born), done, strict=True):
        assert run.get()["metadata"]["resourceVersion"] == before["metadata"]["resourceVersion"]
    for run in (interrupted, rolled_back, completed, born):
        assert run.processes() == []
        reasons = [reason for reason, _ in run.events()]
        assert len(reasons) == len(set(reasons)), "no Event may be written twice"
    assert deployment.created(ns.name, "jobs") == 4 + 1, "one for each run, and one clean-up"
