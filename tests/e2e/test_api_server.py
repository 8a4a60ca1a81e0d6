"""The API server is down for a while: the operator loses nothing, and does nothing twice."""

import pytest

from . import deployment, faults, node
from .namespace import Namespace
from .node import Vigil
from .operators import DEPLOYED
from .run import Run, condition

# Longer than the lease (15 s), and than the operator's request timeout (30 s).
AWAY = 35


def created_jobs(run: Run) -> int:
    """The number of Jobs that were ever created for the run."""
    written = deployment.writes(run.namespace, "jobs", run.name)
    return sum(line.startswith("create") and line.endswith("201") for line in written)


@pytest.mark.alone
@pytest.mark.usefixtures("no_other_namespaces")
@pytest.mark.timeout(300)
def test_what_was_requested_just_before_is_done_when_the_api_server_is_back(
    ns: Namespace,
) -> None:
    """Failure mode 36."""
    interrupted, rolled_back = (
        ns.run("ignores-sigterm", thread=thread, input={}, gracePeriodSeconds=20)
        for thread in ("a", "b")
    )
    completed = ns.held_run(thread="c", hold=1)
    for run in (interrupted, rolled_back):
        run.wait_step(1)
    vigils = [Vigil(run.uid) for run in (interrupted, rolled_back, completed)]
    before = DEPLOYED.restarts()
    interrupted.cancel("interrupt")
    rolled_back.cancel("rollback")
    born = ns.run("steps", thread="d", input={"steps": 1})
    with faults.api_server_away(AWAY):
        node.open_gate(completed.uid)
        for vigil in vigils:
            vigil.last_seen_alive()
    done = interrupted.wait("Interrupted")
    assert condition(done, "Stopped") == ("True", "PodTerminated")
    rolled_back.wait_gone()
    completed.wait("Succeeded")
    born.wait("Succeeded")
    store = ns.store()
    assert store.segments("threads/b") == []
    assert store.tombstones("threads/b") == {rolled_back.uid}
    for run in (interrupted, rolled_back, completed, born):
        assert run.processes() == []
        assert created_jobs(run) == 1
        reasons = [reason for reason, _ in run.events()]
        assert len(reasons) == len(set(reasons)), "no Event may be written twice"
    after = DEPLOYED.restarts()
    assert after.keys() == before.keys(), "both replicas recover by themselves"
    assert sum(after.values()) <= sum(before.values()) + 1, "only the leader ends, for its lease"
