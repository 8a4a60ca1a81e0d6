"""What people do: create, cancel, delete, and lay hands on what is not theirs."""

from agentrun_kube.names import FINALIZER
from objects import FORGED, Object, has_ended, made_for, merged, name_of, owners, without_finalizer
from simulated.policies import Who
from simulated.users import cancel, resume
from simulated.world import World

from .steps import Choices, action

NAMES = ("r0", "r1", "r2", "r3")
CASCADES = ("Background", "Foreground", "Orphan")


@action(10)
def create_run(world: World, choices: Choices) -> None:
    name = choices.one(NAMES)
    spec: Object = {
        "agentRef": {"name": choices.one(("a", "a", "a", "f"))},
        "input": {},
        "gracePeriodSeconds": 5,
    }
    thread = choices.one(("t0", "t0", "t1", None))
    if thread is not None:
        spec["thread"] = thread
    optional = (
        ("multitaskStrategy", (None, None, "reject", "interrupt", "rollback")),
        ("retries", (None, 1, 2)),
        ("cancel", (None, None, None, None, "interrupt", "rollback")),
        ("timeoutSeconds", (None, None, 20)),
        ("ttlSecondsAfterFinished", (None, None, 30)),
        ("reclaimPolicy", (None, None, "Delete")),
    )
    for field, values in optional:
        value = choices.one(values)
        if value is not None:
            spec[field] = value
    meta: Object = {"name": name}
    if choices.one((False, False, False, True)):
        meta["annotations"] = {"argocd.argoproj.io/tracking-id": "x"}
    if world.server.get("agentruns", name) is None:
        world.server.create("agentruns", {"metadata": meta, "spec": spec})


@action(5)
def interrupt(world: World, choices: Choices) -> None:
    runs = world.server.all("agentruns")
    if runs:
        cancel(world, choices.one(runs), "interrupt")


@action(7)
def rollback(world: World, choices: Choices) -> None:
    runs = world.server.all("agentruns")
    if runs:
        cancel(world, choices.one(runs), "rollback")


@action(2)
def shorten_grace(world: World, choices: Choices) -> None:
    """The emergency stop: spec.cancelGracePeriodSeconds, with the cancel or after it."""
    runs = [r for r in world.server.all("agentruns") if "cancel" in r["spec"]]
    if runs:
        run, seconds = choices.one(runs), choices.one((1, 3))
        before = run["spec"].get("cancelGracePeriodSeconds", seconds)
        patch: Object = {"spec": {"cancelGracePeriodSeconds": min(seconds, before)}}
        world.server.patch("agentruns", name_of(run), patch)


@action(3)
def suspend_job(world: World, choices: Choices) -> None:
    """As Kueue does when it preempts, or a user; it also takes the Job's start time back."""
    jobs = [j for j in world.server.all("jobs") if owners(j) and not j["spec"].get("suspend")]
    if jobs:
        world.faults["Job suspended"] += 1
        job = choices.one(jobs)
        job = world.server.update("jobs", job, merged(job, {"spec": {"suspend": True}}))
        if choices.one((False, True)):
            world.server.update("jobs", job, merged(job, {"status": {"startTime": None}}))


@action(4)
def resume_job(world: World, choices: Choices) -> None:
    """As Kueue does when there is quota: it also says to which nodes the pods may go."""
    jobs = [j for j in world.server.all("jobs") if owners(j) and j["spec"].get("suspend")]
    if jobs:
        world.faults["Job resumed"] += 1
        resume(world, choices.one(jobs))


@action(3)
def delete_run(world: World, choices: Choices) -> None:
    runs = world.server.all("agentruns")
    if runs:
        run, cascade = choices.one(runs), choices.one(CASCADES)
        world.server.delete("agentruns", name_of(run), propagation=cascade)


@action(2)
def delete_job(world: World, choices: Choices) -> None:
    jobs = world.server.all("jobs")
    if jobs:
        world.faults["Job deleted by hand"] += 1
        job, cascade = choices.one(jobs), choices.one(CASCADES)
        world.recorder.disturbed.add(made_for(job))
        world.server.delete("jobs", name_of(job), propagation=cascade)


@action(2)
def delete_pod(world: World, choices: Choices) -> None:
    pods = world.server.all("pods")
    if pods:
        world.faults["pod deleted by hand"] += 1
        pod = choices.one(pods)
        world.recorder.disturbed.add(made_for(pod))
        world.server.delete("pods", name_of(pod))


@action(3)
def evict_pod(world: World, choices: Choices) -> None:
    pods = [p for p in world.server.all("pods") if "nodeName" in p["spec"] and not has_ended(p)]
    if pods:
        world.faults["pod evicted (API)"] += 1
        pod = choices.one(pods)
        world.recorder.disturbed.add(made_for(pod))
        world.nodes.evict(pod, "EvictionByEvictionAPI")


@action(0.3)
def make_foreign_job(world: World, choices: Choices) -> None:
    name = choices.one(NAMES)
    if world.server.get("jobs", name) is None:
        world.faults["foreign Job"] += 1
        template: Object = {
            "metadata": {"labels": {}},
            "spec": {"containers": [{"image": FORGED}]},
        }
        spec = {"template": template, "suspend": True}
        world.server.create("jobs", {"metadata": {"name": name}, "spec": spec})


@action(1)
def take_finalizer_off(world: World, choices: Choices) -> None:
    """An administrator: no guard from then on, until the operator has put it on again."""
    runs = [r for r in world.server.all("agentruns") if "deletionTimestamp" not in r["metadata"]]
    if runs:
        world.faults["finalizer taken off"] += 1
        run = choices.one(runs)
        with world.server.acting_as(Who.ADMINISTRATOR):
            world.server.update("agentruns", run, without_finalizer(run, FINALIZER))


@action(0)
def policies_are_installed(world: World, choices: Choices) -> None:
    """What a schedule begins with, if at all."""
    world.server.has_policies = True
