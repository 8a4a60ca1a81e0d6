"""What agents and clean-ups do in their containers."""

from .container import STOPPED, Container, Exit
from .world import World


def live_agents(world: World) -> list[Container]:
    return [c for c in world.nodes.alive if c.is_agent]


def checkpoint(world: World, container: Container) -> None:
    if world.store.put(container.directory, container.run_uid):
        world.recorder.wrote(container)
    else:
        message = container.account(world.store, "Failed", reason="RunRolledBack")
        container.exit = Exit(2, message)


def finish(world: World, container: Container) -> None:
    """The line between completed and stopped: whether SIGTERM came before."""
    if container.signalled_at is not None:
        container.exit = Exit(STOPPED, container.account(world.store, "Stopped"))
        return
    world.recorder.completed(container)
    container.exit = Exit(0, container.account(world.store, "Succeeded"))


def end_cleanup(world: World, container: Container) -> None:
    """One that shortens a stop has written its file: the supervisor of the run reads it."""
    container.end_cleanup()
    for agent in live_agents(world):
        if agent.run_uid == container.shortens.get("uid"):
            agent.shortened = float(container.shortens["seconds"])


def clean(world: World, container: Container) -> None:
    buried = container.clean_one(world.store)
    if buried is not None:
        world.recorder.cleaned(buried[1])


def lie(container: Container) -> None:
    container.exit = Exit(0, container.lie)
