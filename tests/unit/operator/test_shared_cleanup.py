"""Clean-ups that runs of one claim share, and the threads that are in use meanwhile.

On the simulated cluster of ``make chaos``.
"""

import pytest

from objects import merged, name_of, uid_of
from simulated.agents import clean
from simulated.world import World

from .simulated import Notes, agents_finish, cleanups_finish, create, go_on, phase
from .test_threads_at_once import mark


def x_waits_for_a(world: World, **spec: object) -> str:
    """The run x has succeeded and is to be reclaimed; a runs on its thread. Returns x's UID."""
    create(world, "x", thread="t", reclaimPolicy="Delete", **spec)
    world.start_operator()
    go_on(world, rounds=5)
    agents_finish(world)
    go_on(world, rounds=3)
    assert phase(world, "x") == "Succeeded"
    found = world.server.get("agentruns", "x")
    assert found is not None
    create(world, "a", thread="t")
    go_on(world, rounds=5)
    assert phase(world, "a") == "Running"
    return uid_of(found)


def expect_not_cleaned(world: World, uid: str) -> None:
    for _ in range(20):
        go_on(world, pause=2)
        for container in world.nodes.alive:
            assert container.is_agent or uid not in [work["uid"] for work in container.work]
        cleanups_finish(world)
    assert (phase(world, "x"), phase(world, "a")) == ("Succeeded", "Running")


@pytest.mark.parametrize("thread", ["u", "t"])
@pytest.mark.parametrize("how", ["is deleted", "expires"])
def test_a_run_is_not_cleaned_with_another_run_while_its_thread_is_in_use(
    world: World, thread: str, how: str
) -> None:
    ttl = {"ttlSecondsAfterFinished": 30} if how == "expires" else {}
    uid = x_waits_for_a(world, **ttl)
    if how == "is deleted":
        world.server.delete("agentruns", "x")
    go_on(world, rounds=60)
    create(world, "y", thread=thread)
    go_on(world, rounds=3)
    mark(world, "y")  # on the same thread: a run that has released it
    world.server.patch("agentruns", "y", {"spec": {"cancel": "rollback"}})
    expect_not_cleaned(world, uid)
    assert phase(world, "y") == "gone"
    agents_finish(world)
    for _ in range(10):
        go_on(world, pause=2)
        cleanups_finish(world)
    assert phase(world, "x") == "gone"


def test_a_foreign_finalizer_on_a_run_that_released_its_thread_blocks_no_other_run(
    world: World,
) -> None:
    create(world, "a", thread="t")
    world.start_operator()
    go_on(world, rounds=5)
    create(world, "x", thread="t", reclaimPolicy="Delete")
    mark(world, "x")
    found = world.server.get("agentruns", "x")
    assert found is not None
    held = merged(found, {"metadata": {"finalizers": ["foreign/x"]}})
    world.server.update("agentruns", found, held)
    create(world, "y", thread="t")
    go_on(world, rounds=3)
    world.server.delete("agentruns", "x")
    go_on(world, rounds=5)
    agents_finish(world)
    for _ in range(20):
        go_on(world, pause=20)
        cleanups_finish(world)
    assert (phase(world, "x"), phase(world, "y")) == ("Interrupted", "Running")


def test_the_last_write_to_a_rolled_back_run_is_its_deletion(world: World) -> None:
    create(world, thread="t")
    world.start_operator()
    go_on(world, rounds=5)
    world.server.patch("agentruns", "r", {"spec": {"cancel": "rollback"}})
    notes = Notes()
    for _ in range(20):
        go_on(world, notes)
        cleanups_finish(world)
    assert phase(world) == "gone"
    assert notes.writes[-1].startswith("delete agentruns/r"), notes.writes


def test_a_clean_up_on_a_lost_node_does_not_delay_those_of_other_runs(world: World) -> None:
    """Failure mode 31."""
    for number in "123":
        create(world, f"r{number}", thread=f"t{number}")
    world.start_operator()
    go_on(world, rounds=15)
    world.server.patch("agentruns", "r1", {"spec": {"cancel": "rollback"}})
    go_on(world, rounds=15)
    (cleanup,) = [c for c in world.nodes.alive if not c.is_agent]
    world.nodes.lose(cleanup.node)
    world.nodes.notice()
    other = next(c.run_uid for c in world.nodes.alive if c.is_agent and c.node != cleanup.node)
    name = next(name_of(r) for r in world.server.all("agentruns") if uid_of(r) == other)
    world.server.patch("agentruns", name, {"spec": {"cancel": "rollback"}})
    go_on(world, rounds=5)
    found = world.server.get("agentruns", "r1")
    assert found is not None
    rolled_back = next(c for c in found["status"]["conditions"] if c["type"] == "RolledBack")
    assert f"node {cleanup.node} has not reported its end" in rolled_back["message"]
    for _ in range(30):
        go_on(world, pause=60)
        for container in world.nodes.alive:
            if not container.is_agent and container.node != cleanup.node:
                while container.work:
                    clean(world, container)
                container.end_cleanup()
    assert phase(world, name) == "gone"
    assert world.judge.violations == []
