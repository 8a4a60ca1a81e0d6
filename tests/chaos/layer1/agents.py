"""What agents and clean-ups do in their containers."""

from .container import SIGKILLED, STOPPED, Container, Exit
from .steps import Choices, action
from .world import World


def _agents(world: World) -> list[Container]:
    return [c for c in world.nodes.alive if c.is_agent]


def checkpoint(world: World, container: Container) -> None:
    if world.store.put(container.directory, container.run_uid):
        world.truth.written[container.run_uid] += 1
    else:
        message = container.account(world.store, "Failed", reason="RunRolledBack")
        container.exit = Exit(2, message)


def finish(world: World, container: Container) -> None:
    """The line between completed and stopped: whether SIGTERM came before."""
    if container.signalled_at is not None:
        container.exit = Exit(STOPPED, container.account(world.store, "Stopped"))
        return
    world.truth.runs[container.run_uid].completed = True
    container.exit = Exit(0, container.account(world.store, "Succeeded"))


@action(8)
def agent_writes(world: World, choices: Choices) -> None:
    agents = _agents(world)
    if agents:
        checkpoint(world, choices.one(agents))


@action(6)
def agent_finishes(world: World, choices: Choices) -> None:
    agents = _agents(world)
    if agents:
        finish(world, choices.one(agents))


@action(3)
def agent_fails(world: World, choices: Choices) -> None:
    agents = _agents(world)
    if not agents:
        return
    container = choices.one(agents)
    message = container.account(world.store, "Failed", reason="AgentFailed")
    exits = (Exit(1, message), Exit(2, message), Exit(SIGKILLED, reason="OOMKilled"))
    container.exit = choices.one(exits)


@action(8)
def clean_up_goes_on(world: World, choices: Choices) -> None:
    cleanups = [c for c in world.nodes.alive if c.is_cleanup]
    if not cleanups:
        return
    container = choices.one(cleanups)
    if container.work:
        clean(world, container)
    else:
        end_cleanup(world, container)


def end_cleanup(world: World, container: Container) -> None:
    """One that shortens a stop has written its file: the supervisor of the run reads it."""
    container.end_cleanup()
    for agent in _agents(world):
        if agent.run_uid == container.shortens.get("uid"):
            agent.shortened = float(container.shortens["seconds"])


def clean(world: World, container: Container) -> None:
    buried = container.clean_one(world.store)
    if buried is not None:
        world.truth.cleaned(buried[1])


@action(2)
def clean_up_fails(world: World, choices: Choices) -> None:
    cleanups = [c for c in world.nodes.alive if c.is_cleanup]
    if not cleanups:
        return
    world.faults["clean-up failed or killed"] += 1
    container = choices.one(cleanups)
    if choices.one((True, False)):
        container.fail_one()
    else:
        container.exit = Exit(SIGKILLED)


@action(3)
def forged_container_ends(world: World, choices: Choices) -> None:
    forged = [c for c in world.nodes.alive if c.forged]
    if forged:
        lie(choices.one(forged))


def lie(container: Container) -> None:
    container.exit = Exit(0, container.lie)
