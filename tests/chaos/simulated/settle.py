"""The end of a schedule: no more faults, and everything has to come to its end."""

from agentrun_kube.names import FINALIZER, LABEL_RUN_UID
from agentrun_kube.vocabulary import FINAL_PHASES
from agentrun_operator.state.watched import WATCHED
from objects import (
    Object,
    controls_it,
    finalizers,
    is_deleting,
    is_forged,
    label,
    made_for,
    name_of,
    owners,
    phase_of,
    uid_of,
)
from simulated.agents import checkpoint, clean, end_cleanup, finish, lie
from simulated.apiserver import matches
from simulated.jobs import is_finished
from simulated.nodes import NODES
from simulated.users import resume
from simulated.world import World

ROUNDS = 60
# Longer and longer: first what is due at once, then the waits between repetitions.
PAUSES = (0.0, 0.0, 0.0, 0.3, 1.0, 2.0, 6.0, 12.0, 30.0)


def settle(world: World) -> None:
    """Run all to its end without faults; what does not come to one is a violation."""
    _end_faults(world)
    _go_on(world)
    while world.late and not world.judge.violations:
        world.faults["late request arrives"] += 1
        world.arrive_late(0)
        _go_on(world)
    world.recorder.settled(unsettled(world))


def _go_on(world: World) -> None:
    for number in range(ROUNDS):
        if world.judge.violations:
            return
        for _ in range(3):
            world.operators_go_on()
            world.cluster_goes_on()
        _agents_go_on(world)
        _free_names(world)
        world.operators_go_on()
        world.check()
        if number > 3 and not unsettled(world) and not world.collector.work():
            break
        world.loop.advance(PAUSES[min(number, len(PAUSES) - 1)] or 0.1)


def _end_faults(world: World) -> None:
    for uid in world.jobs.undone:
        world.jobs.act(uid)
    for node in NODES:
        world.nodes.bring_back(node, rebooted=False)
    for job in world.server.all("jobs"):
        if owners(job) and job["spec"].get("suspend"):
            resume(world, job)
    world.make_agents()
    if not world.operators:
        world.start_operator()
    for operator in world.operators:
        operator.turn()
        operator.kube.instantly = True


def _free_names(world: World) -> None:
    """Jobs that no run controls hold up runs of their name, which say so; people delete them."""
    for job in world.server.all("jobs"):
        orphaned = not owners(job) and (job["spec"].get("suspend") or is_finished(job))
        if orphaned or (is_forged(job) and not controls_it(job)):
            world.server.delete("jobs", name_of(job))


def _agents_go_on(world: World) -> None:
    for container in world.nodes.alive:
        if container.forged:
            lie(container)
            continue
        if container.is_cleanup:
            while container.work:
                clean(world, container)
            end_cleanup(world, container)
            continue
        checkpoint(world, container)
        if container.exit is None:
            finish(world, container)


def unsettled(world: World) -> list[tuple[str, str]]:
    """What has not come to its end: the UID of the run, and what it is."""
    found = [(uid_of(run), text) for run in world.server.all("agentruns") for text in _open(run)]
    for container in world.nodes.alive:
        if container.is_agent:
            found.append((container.run_uid, f"{container.name} is still alive"))
    for pod in world.server.all("pods"):
        if is_deleting(pod):
            found.append((made_for(pod), f"pod {name_of(pod)} is still being deleted"))
    for job in world.server.all("jobs"):
        if is_deleting(job) or (owners(job) and not job.get("status", {}).get("conditions")):
            found.append((made_for(job), f"Job {name_of(job)} has not come to an end"))
    jobs, pods = world.server.all("jobs"), world.server.all("pods")
    return found + watched_for_ever(world.server.all("agentruns"), jobs=jobs, pods=pods)


def watched_for_ever(runs: list[Object], **left: list[Object]) -> list[tuple[str, str]]:
    """What finished runs have left, and is still watched; ``left`` by plural."""
    finished = {uid_of(run) for run in runs if phase_of(run) in FINAL_PHASES}
    return [
        (str(label(obj, LABEL_RUN_UID)), f"{plural} {name_of(obj)} of a finished run is watched")
        for plural, objects in left.items()
        for obj in objects
        if label(obj, LABEL_RUN_UID) in finished and matches(obj, WATCHED[plural].selectors)
    ]


def _open(run: Object) -> list[str]:
    name, phase = name_of(run), phase_of(run)
    if is_deleting(run):
        return [f"{name} ({phase}) is still being deleted: {finalizers(run)}"]
    if phase not in FINAL_PHASES:
        return [f"{name} is still {phase}"]
    if FINALIZER in finalizers(run) and run["spec"].get("reclaimPolicy") != "Delete":
        return [f"{name} ({phase}) still has the finalizer"]
    if "holdsThread" in run["status"]:
        return [f"{name} ({phase}) still holds its thread"]
    return []
