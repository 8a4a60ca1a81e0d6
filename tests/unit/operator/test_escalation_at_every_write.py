"""An interrupt becomes a rollback between any two requests of the operator.

On the simulated cluster of ``make chaos``.
"""

import pytest

from agentrun_kube.client.kube import ApiError
from simulated.agents import checkpoint
from simulated.kube import Request
from simulated.world import World

from .simulated import agents_finish, cleanups_finish, create, go_on, new_world, phase


def roll_back(world: World) -> bool:
    """Whether the API server takes it: it does not when the run has ended."""
    try:
        world.server.patch("agentruns", "r", {"spec": {"cancel": "rollback"}})
    except ApiError:
        return False
    return True


def live(world: World, at: int, told_at_once: bool) -> tuple[bool, bool]:
    """Whether the interrupted run got as far as that request, and whether a rollback was taken."""
    create(world, thread="t")
    world.start_operator()
    go_on(world, rounds=5)
    for container in world.nodes.alive:
        checkpoint(world, container)
    world.server.patch("agentruns", "r", {"spec": {"cancel": "interrupt"}})
    asked, accepted = 0, False

    def serve(request: Request) -> None:
        nonlocal asked, accepted
        if asked == at:
            accepted = roll_back(world)
        asked += 1
        request.serve()
        if told_at_once:
            world.loop.spin()
            world.operators[0].deliver_all()

    for _ in range(60):
        go_on(world, serve)
        agents_finish(world)
        cleanups_finish(world)
    return asked > at, accepted


@pytest.mark.parametrize(("told_at_once", "escalations"), [(True, 6), (False, 6)])
def test_an_escalation_between_any_two_requests_takes_effect(
    told_at_once: bool, escalations: int
) -> None:
    """Failure mode 9."""
    taken, at, reached = 0, 0, True
    while reached:
        with new_world() as world:
            reached, accepted = live(world, at, told_at_once)
            assert phase(world) == ("gone" if accepted else "Interrupted"), f"request {at}"
            assert world.judge.violations == []
        taken, at = taken + accepted, at + 1
    assert taken == escalations
