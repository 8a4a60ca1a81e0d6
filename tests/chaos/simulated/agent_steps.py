"""What agents and clean-ups do in their containers."""

from simulated.agents import checkpoint, clean, end_cleanup, finish, lie, live_agents
from simulated.container import SIGKILLED, Exit
from simulated.world import World

from .steps import Choices, action


@action(8)
def agent_writes(world: World, choices: Choices) -> None:
    agents = live_agents(world)
    if agents:
        checkpoint(world, choices.one(agents))


@action(6)
def agent_finishes(world: World, choices: Choices) -> None:
    agents = live_agents(world)
    if agents:
        finish(world, choices.one(agents))


@action(3)
def agent_fails(world: World, choices: Choices) -> None:
    agents = live_agents(world)
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
