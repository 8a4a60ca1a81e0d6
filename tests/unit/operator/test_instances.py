"""Two instances of the operator, on the simulated cluster: which runs each works on."""

import pytest

from agentrun_kube.names import LABEL_INSTANCE
from agentrun_operator.facts.runs import kept_run
from agentrun_operator.lease import Lease
from agentrun_operator.state.watched import WATCHED
from objects import NAMESPACE, Object
from simulated.kube import FakeKube
from simulated.operator import OperatorProcess
from simulated.world import World

from .simulated import agents_finish, cleanups_finish, phase

CANARY = {LABEL_INSTANCE: "canary"}


def create(world: World, name: str, labels: dict[str, str] | None = None, **spec: object) -> None:
    meta: Object = {"name": name} | ({"labels": labels} if labels else {})
    full: Object = {"agentRef": {"name": "a"}, "input": {}, "gracePeriodSeconds": 5, **spec}
    world.server.create("agentruns", {"metadata": meta, "spec": full})


def go_on(world: World, rounds: int = 1, pause: float = 1) -> None:
    for _ in range(rounds):
        world.operators_go_on()
        world.cluster_goes_on()
        world.loop.advance(pause)
        world.operators_go_on()


def both(world: World) -> tuple[OperatorProcess, OperatorProcess]:
    return world.start_operator(), world.start_operator(instance="canary")


def why_it_waits(world: World, name: str) -> str:
    found = world.server.get("agentruns", name)
    assert found is not None
    (condition,) = found["status"]["conditions"]
    return str(condition["message"])


def labels_of(world: World, plural: str) -> list[dict[str, str]]:
    return [obj["metadata"]["labels"] for obj in world.server.all(plural)]


@pytest.mark.parametrize("instance", [None, "canary"])
def test_an_operator_works_on_the_runs_of_its_instance_alone(
    world: World, instance: str | None
) -> None:
    world.start_operator(instance=instance)
    create(world, "plain")
    create(world, "labelled", CANARY)
    go_on(world, 3)
    served, other = ("plain", "labelled") if instance is None else ("labelled", "plain")
    assert phase(world, served) == "Running"
    found = world.server.get("agentruns", other)
    assert found is not None
    assert found["status"] == {"phase": "Pending"}  # by the CRD
    assert "finalizers" not in found["metadata"]


def test_jobs_pods_and_clean_ups_carry_the_instance_of_their_run(world: World) -> None:
    world.start_operator(instance="canary")
    create(world, "r", CANARY, thread="t")
    go_on(world, 3)
    world.server.patch("agentruns", "r", {"spec": {"cancel": "rollback"}})
    for _ in range(10):
        go_on(world, pause=10)
    components = {each["app.kubernetes.io/component"] for each in labels_of(world, "jobs")}
    assert components == {"agent", "cleanup"}
    for plural in ("jobs", "pods"):
        assert {each.get(LABEL_INSTANCE) for each in labels_of(world, plural)} == {"canary"}
    cleanups_finish(world)
    go_on(world, 3, pause=10)
    assert phase(world) == "gone"


@pytest.mark.parametrize("first", [None, CANARY])
def test_a_run_waits_for_one_of_another_instance_that_has_its_thread(
    world: World, first: dict[str, str] | None
) -> None:
    both(world)
    create(world, "first", first, thread="t")
    go_on(world, 3)
    create(world, "second", CANARY if first is None else None, thread="t")
    go_on(world, 3)
    assert [phase(world, name) for name in ("first", "second")] == ["Running", "Pending"]
    whose = "without the label agentrun.dev/instance"
    if first is not None:
        whose = "with the label agentrun.dev/instance=canary"
    assert f"AgentRun first (of another operator: {whose}) is ahead" in why_it_waits(
        world, "second"
    )
    agents_finish(world)
    go_on(world, 8)
    assert [phase(world, name) for name in ("first", "second")] == ["Succeeded", "Running"]


def test_a_thread_has_one_writer_when_two_instances_start_runs_of_it_at_once(
    world: World,
) -> None:
    both(world)
    create(world, "a", thread="t")
    create(world, "b", CANARY, thread="t")
    for _ in range(40):  # each has one request served, in turns
        for operator in world.operators:
            for plural in WATCHED:
                operator.deliver(plural)
            if operator.kube.pending:
                operator.take().serve()
            world.loop.spin()
        world.cluster_goes_on()
        assert len([c for c in world.nodes.alive if c.is_agent]) <= 1
        world.loop.advance(0.2)
    go_on(world, 20)
    assert sorted(phase(world, name) for name in "ab") == ["Pending", "Running"]


def test_a_rollback_waits_for_a_run_of_another_instance_that_uses_the_thread(
    world: World,
) -> None:
    both(world)
    create(world, "old", thread="t", reclaimPolicy="Delete")
    go_on(world, 3)
    agents_finish(world)
    go_on(world, 3)
    create(world, "new", CANARY, thread="t")
    go_on(world, 3)
    assert phase(world, "new") == "Running"
    world.server.delete("agentruns", "old")
    go_on(world, 5)
    assert {each["app.kubernetes.io/component"] for each in labels_of(world, "jobs")} == {"agent"}
    agents_finish(world)
    for _ in range(10):
        go_on(world, pause=5)
        cleanups_finish(world)
    assert (phase(world, "new"), phase(world, "old")) == ("Succeeded", "gone")


def test_an_orphan_is_deleted_by_its_own_instance_alone(world: World) -> None:
    world.start_operator()
    create(world, "r", CANARY)
    canary = world.start_operator(instance="canary")
    go_on(world, 3)
    world.crash(world.operators.index(canary), (), 0)
    world.server.delete("agentruns", "r")
    found = world.server.get("agentruns", "r")
    assert found is not None
    unguarded = found | {"metadata": found["metadata"] | {"finalizers": []}}
    world.server.update("agentruns", found, unguarded)
    for deleted in (False, True):
        if deleted:
            world.start_operator(instance="canary")
        for _ in range(3):
            world.operators_go_on()
            world.loop.advance(130)  # until everything is read in full once more
        (job,) = world.server.all("jobs")
        assert ("deletionTimestamp" in job["metadata"]) == deleted


def test_a_run_of_the_same_name_in_another_instance_is_left_alone(world: World) -> None:
    both(world)
    create(world, "r")
    go_on(world, 3)
    world.server.patch("agentruns", "r", {"spec": {"cancel": "interrupt"}})
    go_on(world, 3, pause=10)
    world.server.delete("agentruns", "r")
    create(world, "r", CANARY)
    go_on(world, 5, pause=5)
    assert phase(world) == "Running"
    assert {each.get(LABEL_INSTANCE) for each in labels_of(world, "jobs")} == {"canary"}


async def test_each_instance_has_a_lease_of_its_own(world: World) -> None:
    kube = FakeKube(world.server)
    kube.instantly = True
    leases = [Lease(kube, NAMESPACE, "me", instance) for instance in (None, "canary")]
    names = []
    for lease in leases:
        await lease.acquire()
        names = [obj["metadata"]["name"] for obj in world.server.all("leases")]
    assert names == ["agentrun-operator", "agentrun-operator-canary"]


def test_a_run_in_the_cache_keeps_its_instance() -> None:
    meta = {
        "name": "r",
        "namespace": "ns",
        "uid": "u",
        "creationTimestamp": "2026-01-01T00:00:00Z",
        "labels": CANARY,
    }
    kept = kept_run({"metadata": meta, "spec": {"agentRef": {"name": "a"}}})
    assert kept.instance == "canary"


def test_a_run_whose_thread_is_left_by_another_instance_between_two_reads_starts_soon(
    world: World,
) -> None:
    """Which runs have the thread is read later here than which pods are on it."""
    plain, canary = both(world)
    go_on(world, 15)  # until the first resync is over
    create(world, "first", thread="t")
    go_on(world, 3)
    create(world, "second", CANARY, thread="t")
    go_on(world, 2)
    while not canary.kube.pending:
        world.loop.advance(1)
    while [request.text for request in canary.kube.pending] != ["list agentruns"]:
        others = [r for r in canary.kube.pending if r.text != "list agentruns"]
        canary.kube.pending.remove(others[0])
        others[0].serve()
        world.loop.spin()
    agents_finish(world)
    for _ in range(3):
        world.cluster_goes_on()
        plain.deliver_all()
        plain.turn()
    assert phase(world, "first") == "Succeeded"
    go_on(world, 10)
    assert phase(world, "second") == "Running"
