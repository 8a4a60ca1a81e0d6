"""Two replicas: one works, the other takes over."""

from datetime import UTC, datetime

import pytest

from . import deployment
from .kubectl import kubectl
from .namespace import Namespace
from .node import kill_python

pytestmark = pytest.mark.alone


def test_the_standby_takes_over_at_once_when_the_leader_is_told_to_end(ns: Namespace) -> None:
    """Failure mode 26."""
    run = ns.held_run()
    leader = deployment.leader()["metadata"]["name"]
    kubectl("delete", "pod", leader, "-n", deployment.NAMESPACE, "--wait=false")
    run.cancel("interrupt")
    run.wait("Interrupted", seconds=20)
    assert run.processes() == []
    assert deployment.leader()["metadata"]["name"] != leader
    deployment.start()


def test_the_standby_takes_over_within_the_leases_time_when_the_leader_is_killed(
    ns: Namespace,
) -> None:
    """Failure mode 26."""
    run = ns.held_run()
    kill_python(deployment.leader()["metadata"]["uid"])
    began = datetime.now(UTC)
    run.cancel("interrupt")
    run.wait("Interrupted", seconds=40)
    assert run.processes() == []
    # The lease runs out after 15 s, and is looked at every 2 s.
    assert (datetime.now(UTC) - began).total_seconds() < 25
    deployment.start()
