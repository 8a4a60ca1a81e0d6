"""A Job is suspended, and resumed, between any two requests of the operator.

On the simulated cluster of ``make chaos``.
"""

from collections.abc import Callable

import pytest

from objects import merged
from simulated.agents import checkpoint
from simulated.users import resume
from simulated.world import World

from .simulated import agents_fail, agents_finish, cleanups_finish, create, go_on, phase

SUSPENSIONS = 14  # of each life, before each of its first requests
Deed = Callable[[World], object]


def cancel(action: str) -> Deed:
    return lambda world: world.server.patch("agentruns", "r", {"spec": {"cancel": action}})


# What happens just before the first of these requests, and how the run ends.
DEEDS: dict[str, tuple[Deed, tuple[str, ...]]] = {
    "interrupt": (cancel("interrupt"), ("Interrupted",)),
    "rollback": (cancel("rollback"), ("gone",)),
    "delete": (lambda world: world.server.delete("agentruns", "r"), ("gone",)),
    "success": (agents_finish, ("Succeeded",)),
    "failure": (agents_fail, ("Succeeded", "Failed")),
    "nothing": (lambda _: None, ("Succeeded",)),
}


def suspend(world: World) -> bool:
    """Whether there is a Job to suspend."""
    found = world.server.get("jobs", "r")
    if found is not None:
        world.server.update("jobs", found, merged(found, {"spec": {"suspend": True}}))
    return found is not None


def live(world: World, deed: Deed, at: int) -> None:
    """A run's life, with its Job suspended before one of the requests that follow the deed."""
    create(world, thread="t", retries=1)
    world.start_operator()
    go_on(world, rounds=5)
    for container in world.nodes.alive:
        checkpoint(world, container)
    deed(world)
    asked = 0
    (operator,) = world.operators
    for number in range(45):
        operator.deliver_all()
        while operator.kube.pending:
            if asked == at:
                suspend(world)
            asked += 1
            operator.take().serve()
            world.loop.spin()
        world.cluster_goes_on()
        world.loop.advance(1)
        found = world.server.get("jobs", "r")
        if number == 20 and found is not None and found["spec"].get("suspend"):
            resume(world, found)
        if number > 25:
            agents_finish(world)
        cleanups_finish(world)


@pytest.mark.parametrize("at", range(SUSPENSIONS))
@pytest.mark.parametrize("deed", DEEDS)
def test_a_suspension_between_two_requests_neither_ends_a_run_nor_keeps_it_from_ending(
    world: World, deed: str, at: int
) -> None:
    act, ends = DEEDS[deed]
    live(world, act, at)
    assert phase(world) in ends
    assert world.judge.violations == []
