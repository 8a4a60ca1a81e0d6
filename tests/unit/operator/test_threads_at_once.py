"""Runs that take one thread at the same time, on the simulated cluster of ``make chaos``."""

from random import Random

import pytest

from agentrun_kube.client.kube import ApiError
from agentrun_kube.names import FINALIZER
from objects import Object, finalizers, merged
from simulated.kube import Request
from simulated.world import World

from .simulated import agents_finish, cleanups_finish, create, go_on, phase


def add_finalizer(world: World, name: str) -> None:
    """As another operator would, before the watch of this one delivers it."""
    found = world.server.get("agentruns", name)
    assert found is not None
    world.server.update("agentruns", found, merged(found, guard(finalizers(found))))


def guard(others: list[str]) -> Object:
    return {"metadata": {"finalizers": [*others, FINALIZER]}}


def mark(world: World, name: str) -> None:
    """As of a run that has taken the thread and released it."""
    found = world.server.get("agentruns", name)
    assert found is not None
    status = {"phase": "Pending", "claimName": "agentrun-store"}
    world.server.replace_status("agentruns", name, status, found["metadata"]["resourceVersion"])


def settle(world: World) -> None:
    for _ in range(30):
        go_on(world, pause=20)
        cleanups_finish(world)


@pytest.mark.parametrize("how", ["rollback", "interrupt", "reclaim"])
@pytest.mark.parametrize("ends", ["a", "z"])
def test_a_stopped_run_and_one_with_the_finalizer_do_not_wait_for_each_other(
    world: World, how: str, ends: str
) -> None:
    reclaims = {"reclaimPolicy": "Delete"} if how == "reclaim" else {}
    for name in "az":
        create(world, name, thread="t", **(reclaims if name == ends else {}))
        add_finalizer(world, name)
    if how == "reclaim":
        world.server.delete("agentruns", ends)
    else:
        world.server.patch("agentruns", ends, {"spec": {"cancel": how}})
    world.start_operator()
    settle(world)
    assert phase(world, ends) == ("Interrupted" if how == "interrupt" else "gone")
    (other,) = {"a", "z"} - {ends}
    assert phase(world, other) == "Running"


def test_a_run_whose_job_is_refused_and_a_rollback_do_not_wait_for_each_other(world: World) -> None:
    refused = True

    def serve(request: Request) -> None:
        if refused and request.text == "create jobs/a":
            request.fail(ApiError(403, "exceeded quota", {}))
        else:
            request.serve()

    create(world, "a", thread="t")
    create(world, "z", thread="t")
    mark(world, "z")
    world.start_operator()
    go_on(world, serve, rounds=10)
    world.server.patch("agentruns", "z", {"spec": {"cancel": "rollback"}})
    for _ in range(10):
        go_on(world, serve, rounds=2, pause=10)
        cleanups_finish(world)
    assert phase(world, "z") == "gone"
    refused = False
    settle(world)
    assert phase(world, "a") == "Running"


@pytest.mark.parametrize("trouble", ["agent deleted", "name taken"])
def test_a_run_that_cannot_start_does_not_block_a_clean_up(world: World, trouble: str) -> None:
    """It has the finalizer, its Job was refused, and then something else prevents its start."""

    def serve(request: Request) -> None:
        if request.text == "create jobs/a":
            request.fail(ApiError(403, "exceeded quota", {}))
        else:
            request.serve()

    create(world, "x", thread="t", reclaimPolicy="Delete")
    world.start_operator()
    go_on(world, rounds=5)
    agents_finish(world)
    go_on(world, rounds=5)
    create(world, "a", thread="t", agentRef={"name": "f"})
    go_on(world, serve, rounds=5)
    if trouble == "agent deleted":
        world.server.delete("agents", "f")
    else:
        pod = {"metadata": {"labels": {}}, "spec": {"containers": [{"image": "x", "env": []}]}}
        foreign = {"metadata": {"name": "a"}, "spec": {"template": pod, "suspend": True}}
        world.server.create("jobs", foreign)
    go_on(world, serve, rounds=5)
    world.server.delete("agentruns", "x")
    for _ in range(20):
        go_on(world, serve, pause=20)
        cleanups_finish(world)
    assert (phase(world, "x"), phase(world, "a")) == ("gone", "Pending")


def test_a_run_is_not_rejected_for_one_that_only_awaits_its_clean_up(world: World) -> None:
    create(world, "x", thread="t", reclaimPolicy="Delete")
    world.start_operator()
    go_on(world, rounds=5)
    agents_finish(world)
    go_on(world, rounds=5)
    world.server.delete("agentruns", "x")
    create(world, "z", thread="t", multitaskStrategy="reject")
    settle(world)
    assert (phase(world, "x"), phase(world, "z")) == ("gone", "Running")


def test_a_run_is_not_rejected_for_one_that_never_starts(world: World) -> None:
    world.start_operator()
    create(world, "x", thread="t", cancel="interrupt")
    create(world, "z", thread="t", multitaskStrategy="reject")
    settle(world)
    assert (phase(world, "x"), phase(world, "z")) == ("Interrupted", "Running")


def test_the_rollback_of_a_run_that_released_its_thread_does_not_wait_for_the_holder(
    world: World,
) -> None:
    create(world, "a", thread="t")
    world.start_operator()
    go_on(world, rounds=5)
    assert phase(world, "a") == "Running"
    create(world, "z", thread="t")
    mark(world, "z")
    world.server.patch("agentruns", "z", {"spec": {"cancel": "rollback"}})
    settle(world)
    assert (phase(world, "a"), phase(world, "z")) == ("Running", "gone")
    agents_finish(world)
    settle(world)
    assert phase(world, "a") == "Succeeded"


@pytest.mark.parametrize(
    ("strategy", "ends"),
    [
        ("enqueue", ["Running", "Pending"]),
        ("reject", ["Running", "Failed"]),
        ("interrupt", ["Interrupted", "Running"]),
        ("rollback", ["gone", "Running"]),
    ],
)
@pytest.mark.parametrize("names", ["az", "za"])
@pytest.mark.parametrize("seed", range(10))
def test_two_runs_that_are_created_at_once_end_as_their_strategy_says(
    world: World, strategy: str, ends: list[str], names: str, seed: int
) -> None:
    """In the same second, and with their requests in any order: the run created first is first."""
    random = Random(seed)  # noqa: S311 (no secret)
    operator = world.start_operator()
    operator.turn()
    for name in names:
        create(world, name, thread="t", multitaskStrategy=strategy)
        operator.deliver_all()
    while operator.kube.pending:
        operator.take(random.randrange(2)).serve()
        world.loop.spin()
        if random.random() < 0.5:
            operator.deliver_all()
    settle(world)
    assert [phase(world, name) for name in names] == ends
    assert world.judge.violations == []
