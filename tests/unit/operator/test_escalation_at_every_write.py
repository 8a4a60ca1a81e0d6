"""An interrupt becomes a rollback between any two requests of the operator.

On the simulated cluster of ``make chaos``.
"""

import pytest

from agentrun_kube.client.kube import ApiError
from simulated.agents import checkpoint
from simulated.world import World

from .simulated import agents_finish, cleanups_finish, create, go_on, phase

MOST_REQUESTS = 40  # of an interrupted life from its cancel on, and some more


def roll_back(world: World) -> bool:
    """Whether the API server takes it: it does not when the run has ended."""
    try:
        world.server.patch("agentruns", "r", {"spec": {"cancel": "rollback"}})
    except ApiError:
        return False
    return True


@pytest.mark.parametrize("told_at_once", [True, False])
@pytest.mark.parametrize("at", range(MOST_REQUESTS))
def test_an_escalation_between_two_requests_is_lost(
    world: World, at: int, told_at_once: bool
) -> None:
    """Failure mode 9."""
    create(world, thread="t")
    world.start_operator()
    go_on(world, rounds=5)
    for container in world.nodes.alive:
        checkpoint(world, container)
    world.server.patch("agentruns", "r", {"spec": {"cancel": "interrupt"}})
    asked, accepted = 0, False
    (operator,) = world.operators
    for _ in range(60):
        operator.deliver_all()
        while operator.kube.pending:
            if asked == at:
                accepted = roll_back(world)
            asked += 1
            operator.take().serve()
            world.loop.spin()
            if told_at_once:
                operator.deliver_all()
        world.cluster_goes_on()
        world.loop.advance(1)
        agents_finish(world)
        cleanups_finish(world)
    assert phase(world) == ("gone" if accepted else "Interrupted")
    assert world.judge.violations == []
