"""What the cluster does, piece by piece and in any order."""

from simulated.nodes import LIMIT_EXCEEDED, NODE_PRESSURE, NODES
from simulated.world import World

from .steps import Choices, action


@action(12)
def all_go_on(world: World, choices: Choices) -> None:
    """A round without any fault, so that schedules get somewhere."""
    world.operators_go_on()
    world.cluster_goes_on()


@action(6)
def cluster_goes_on(world: World, choices: Choices) -> None:
    world.cluster_goes_on()


@action(6)
def kubelets_go_on(world: World, choices: Choices) -> None:
    world.kubelets_go_on()


@action(5)
def job_controller_looks(world: World, choices: Choices) -> None:
    jobs = world.server.all("jobs")
    if jobs:
        world.jobs.look(choices.one(jobs))


@action(5)
def job_controller_acts(world: World, choices: Choices) -> None:
    if world.jobs.undone:
        world.jobs.act(choices.one(world.jobs.undone))


@action(2)
def job_controller_untracks(world: World, choices: Choices) -> None:
    world.jobs.untrack_orphans()


@action(5)
def garbage_is_collected(world: World, choices: Choices) -> None:
    work = world.collector.work()
    if work:
        world.collector.do(*choices.one(work))


@action(2)
def pods_are_collected(world: World, choices: Choices) -> None:
    world.give_up_pods()


@action(4)
def scheduler_binds(world: World, choices: Choices) -> None:
    world.nodes.schedule()


@action(8)
def kubelet_sees(world: World, choices: Choices) -> None:
    pods = world.server.all("pods")
    if pods:
        world.nodes.see(choices.one(pods))
    world.nodes.see_gone()


@action(8)
def kubelet_acts(world: World, choices: Choices) -> None:
    containers = list(world.nodes.containers.values())
    if containers:
        world.nodes.act(choices.one(containers))


@action(8)
def kubelet_reports(world: World, choices: Choices) -> None:
    containers = list(world.nodes.containers.values())
    if containers:
        world.nodes.report(choices.one(containers))


@action(2)
def kubelet_evicts(world: World, choices: Choices) -> None:
    containers = world.nodes.alive
    if containers:
        world.faults["pod evicted (kubelet)"] += 1
        container = choices.one(containers)
        if not container.stop_reason:
            container.stop_reason = "Evicted"
            container.overuse = choices.one(("", LIMIT_EXCEEDED, NODE_PRESSURE))


@action(0.5)
def node_is_lost(world: World, choices: Choices) -> None:
    node = choices.one(NODES)
    if node not in world.nodes.unreachable:
        world.faults["node lost"] += 1
        world.nodes.lose(node)


@action(2)
def node_is_missed(world: World, choices: Choices) -> None:
    world.nodes.notice()


@action(1)
def node_is_given_up(world: World, choices: Choices) -> None:
    node = choices.one(NODES)
    if node in world.nodes.unreachable:
        world.faults["node given up"] += 1
        world.nodes.give_up(node)


@action(2)
def node_comes_back(world: World, choices: Choices) -> None:
    world.nodes.bring_back(choices.one(NODES), rebooted=choices.one((False, True)))


@action(5)
def time_passes(world: World, choices: Choices) -> None:
    world.loop.advance(choices.one((1.0, 6.0, 0.2, 12.0, 40.0, 330.0)))
