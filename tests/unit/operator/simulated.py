"""The operator on the simulated cluster of ``make chaos``, and steps that tests have in common."""

import random
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from objects import Object, phase_of
from simulated.agents import checkpoint, clean, end_cleanup, finish
from simulated.clock import VirtualLoop
from simulated.container import Exit
from simulated.kube import Request
from simulated.operator import in_virtual_time
from simulated.world import World

Serve = Callable[[Request], None]


@contextmanager
def new_world() -> Iterator[World]:
    """A simulated cluster; operators have to be started."""
    random.seed(0)  # the operator's jitter
    loop = VirtualLoop()
    world = World(loop)
    with in_virtual_time(world.clock):
        yield world
        world.close()
    loop.close()


def create(world: World, name: str = "r", **spec: object) -> None:
    full: Object = {"agentRef": {"name": "a"}, "input": {}, "gracePeriodSeconds": 5, **spec}
    world.server.create("agentruns", {"metadata": {"name": name}, "spec": full})


def phase(world: World, name: str = "r") -> str:
    found = world.server.get("agentruns", name)
    return "gone" if found is None else phase_of(found)


def go_on(
    world: World,
    serve: Serve = Request.serve,
    rounds: int = 1,
    pause: float = 1,
    told: bool = True,
) -> None:
    """Rounds of the operator and of the cluster, with ``pause`` seconds after each.

    ``serve`` may refuse a request, forget it, or replace the operator. ``told``: whether the
    watches deliver their events.
    """
    for _ in range(rounds):
        if told:
            world.operators[0].deliver_all()
        while world.operators[0].kube.pending:
            serve(world.operators[0].take())
            world.loop.spin()
        world.cluster_goes_on()
        world.loop.advance(pause)


def agents_finish(world: World) -> None:
    for container in world.nodes.alive:
        if container.is_agent:
            checkpoint(world, container)
            finish(world, container)


def agents_fail(world: World) -> None:
    for container in world.nodes.alive:
        if container.is_agent:
            container.exit = Exit(1, container.account(world.store, "Failed", reason="AgentFailed"))


def cleanups_finish(world: World) -> None:
    for container in world.nodes.alive:
        if not container.is_agent:
            while container.work:
                clean(world, container)
            end_cleanup(world, container)


class Notes:
    """Serves all, and notes the writes; ``asked`` counts all requests."""

    def __init__(self) -> None:
        self.asked = 0
        self.writes: list[str] = []

    def __call__(self, request: Request) -> None:
        self.asked += 1
        if request.writes:
            self.writes.append(request.text)
        request.serve()
