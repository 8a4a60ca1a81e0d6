"""A Job is suspended, and resumed, between any two requests of the operator.

On the simulated cluster of ``make chaos``.
"""

from collections.abc import Callable

import pytest

from objects import merged
from simulated.agents import checkpoint
from simulated.kube import Request
from simulated.users import resume
from simulated.world import World

from .simulated import agents_fail, agents_finish, cleanups_finish, create, go_on, new_world, phase

Deed = Callable[[World], object]


def cancel(action: str) -> Deed:
    return lambda world: world.server.patch("agentruns", "r", {"spec": {"cancel": action}})


# What happens just before the first of these requests, how the run ends, and how many of the
# requests find a Job that can be suspended.
DEEDS: dict[str, tuple[Deed, tuple[str, ...], int]] = {
    "interrupt": (cancel("interrupt"), ("Interrupted",), 15),
    "rollback": (cancel("rollback"), ("gone",), 22),
    "delete": (lambda world: world.server.delete("agentruns", "r"), ("gone",), 13),
    "success": (agents_finish, ("Succeeded",), 9),
    "failure": (agents_fail, ("Succeeded", "Failed"), 19),
    "nothing": (lambda _: None, ("Succeeded",), 9),
}


def suspend(world: World) -> bool:
    """Whether there is a Job to suspend."""
    found = world.server.get("jobs", "r")
    if found is not None:
        world.server.update("jobs", found, merged(found, {"spec": {"suspend": True}}))
    return found is not None


def live(world: World, deed: Deed, at: int) -> tuple[bool, bool]:
    """A run's life, with its Job suspended before one of the requests that follow the deed.

    Whether there was that request, and whether there was a Job.
    """
    create(world, thread="t", retries=1)
    world.start_operator()
    go_on(world, rounds=5)
    for container in world.nodes.alive:
        checkpoint(world, container)
    deed(world)
    asked, suspended = 0, False

    def serve(request: Request) -> None:
        nonlocal asked, suspended
        if asked == at:
            suspended = suspend(world)
        asked += 1
        request.serve()

    for number in range(45):
        go_on(world, serve)
        found = world.server.get("jobs", "r")
        if number == 20 and found is not None and found["spec"].get("suspend"):
            resume(world, found)
        if number > 25:
            agents_finish(world)
        cleanups_finish(world)
    return asked > at, suspended


@pytest.mark.parametrize("deed", DEEDS)
def test_a_suspension_between_any_two_requests_neither_ends_a_run_nor_keeps_it_from_ending(
    deed: str,
) -> None:
    act, ends, suspensions = DEEDS[deed]
    taken, at, reached = 0, 0, True
    while reached:
        with new_world() as world:
            reached, suspended = live(world, act, at)
            assert phase(world) in ends, f"request {at}"
            assert world.judge.violations == []
        taken, at = taken + suspended, at + 1
    assert taken == suspensions
