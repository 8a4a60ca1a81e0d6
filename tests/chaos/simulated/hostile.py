"""What tenants do with what is the operator's; in half of the schedules, policies refuse most."""

from collections.abc import Callable

from agentrun_kube.client.kube import ApiError
from agentrun_kube.names import (
    ANNOTATION_CLAIM,
    ANNOTATION_CLEANUP_ATTEMPT,
    ANNOTATION_CLEANUP_RUNS,
    ANNOTATION_QUEUED,
    ANNOTATION_RETRIES,
    ANNOTATION_RUNNER,
    FINALIZER,
    LABEL_COMPONENT,
    LABEL_FINISHED,
    LABEL_MANAGED_BY,
    LABEL_RUN,
    LABEL_RUN_UID,
    LABEL_THREAD,
)
from objects import (
    Object,
    finalizers,
    has_ended,
    is_deleting,
    made_for,
    merged,
    name_of,
    owners,
    uid_of,
    with_finalizers,
    without_finalizer,
)
from simulated.policies import Who
from simulated.world import World

from .steps import Choices, action

LABELS = (
    LABEL_RUN_UID,
    LABEL_RUN,
    LABEL_COMPONENT,
    LABEL_MANAGED_BY,
    LABEL_FINISHED,
    LABEL_THREAD,
)
ANNOTATIONS = (
    ANNOTATION_QUEUED,
    ANNOTATION_CLEANUP_RUNS,
    ANNOTATION_CLEANUP_ATTEMPT,
    ANNOTATION_CLAIM,
    ANNOTATION_RETRIES,
    ANNOTATION_RUNNER,
)
VALUES = (None, "x", "true", "0", "7", "agent", "cleanup", "t0", "r0", "uid-3", "9" * 40, "{}")
ONE = {"agentruns": "an AgentRun", "jobs": "a Job", "pods": "a pod"}
NOTHING: Object = {"apiVersion": "v1", "kind": "ConfigMap", "name": "nothing", "uid": "uid-0"}


def attempt(world: World, what: str, write: Callable[[], object], who: Who = Who.TENANT) -> bool:
    """Whether the API server takes the write."""
    try:
        with world.server.acting_as(who):
            write()
    except ApiError as error:
        if error.status == 403:
            world.faults["hostile write, refused by a policy"] += 1
        return False
    world.faults[what] += 1
    return True


def _anything(world: World, choices: Choices) -> tuple[str, Object] | None:
    plural = choices.one(("agentruns", "jobs", "pods"))
    found = world.server.all(plural)
    return (plural, choices.one(found)) if found else None


@action(2)
def change_marks(world: World, choices: Choices) -> None:
    """Set, change or remove a label or annotation of the operator's."""
    found = _anything(world, choices)
    if found is None:
        return
    plural, obj = found
    kind, keys = choices.one((("labels", LABELS), ("annotations", ANNOTATIONS)))
    key, value = choices.one(keys), choices.one((None, *_values(world), *VALUES))
    new = merged(obj, {"metadata": {kind: {key: value}}})
    if new != obj:
        what = f"{kind[:-1]} of {ONE[plural]} changed"
        attempt(world, what, lambda: world.server.update(plural, obj, new))


def _values(world: World) -> list[str]:
    return [uid_of(run) for run in world.server.all("agentruns")]


@action(1)
def change_template(world: World, choices: Choices) -> None:
    """Of a suspended Job; queues may say so where its pods go."""
    jobs = [job for job in world.server.all("jobs") if job["spec"].get("suspend")]
    if jobs:
        job = choices.one(jobs)
        patch = {"metadata": {"labels": {choices.one(LABELS): choices.one(VALUES)}}}
        new = merged(job, {"spec": {"template": patch}})
        what = "label of a Job's pods changed"
        attempt(world, what, lambda: world.server.update("jobs", job, new))


@action(2)
def change_finalizer(world: World, choices: Choices) -> None:
    """To jump the queue of a thread, to free a run of its guard, or to keep a record for ever."""
    runs = [run for run in world.server.all("agentruns") if not is_deleting(run)]
    if not runs:
        return
    run = choices.one(runs)
    if FINALIZER in finalizers(run):
        what, new = "finalizer taken off by a tenant", without_finalizer(run, FINALIZER)
    else:
        what, new = "finalizer put on", with_finalizers(run, [*finalizers(run), FINALIZER])
    attempt(world, what, lambda: world.server.update("agentruns", run, new))


@action(1.5)
def change_owners(world: World, choices: Choices) -> None:
    """Nothing, something that is not there, or another run."""
    found = _anything(world, choices)
    if found is None:
        return
    plural, obj = found
    other: Object = {"apiVersion": "agentrun.dev/v1alpha1", "kind": "AgentRun"}
    runs = [(name_of(run), uid_of(run)) for run in world.server.all("agentruns")]
    name, uid = choices.one((("r9", "uid-9"), *runs))
    other |= {"name": name, "uid": uid, "controller": True}
    refs = choices.one(([NOTHING], [*owners(obj), NOTHING], [], [other]))
    new = obj | {"metadata": obj["metadata"] | {"ownerReferences": refs}}
    if owners(new) != owners(obj):
        what = f"owner of {ONE[plural]} changed"
        if attempt(world, what, lambda: world.server.update(plural, obj, new)):
            world.recorder.disturbed.add(made_for(obj) if plural != "agentruns" else "")


@action(1)
def cancel_without_right(world: World, choices: Choices) -> None:
    runs = world.server.all("agentruns")
    if runs:
        name, how = name_of(choices.one(runs)), choices.one(("interrupt", "rollback"))
        what, patch = "cancel without the verb", {"spec": {"cancel": how}}
        attempt(world, what, lambda: world.server.patch("agentruns", name, patch))


@action(1)
def delete_without_right(world: World, choices: Choices) -> None:
    runs = world.server.all("agentruns")
    if runs:
        name = name_of(choices.one(runs))
        what = "delete without the verb cancel"
        attempt(world, what, lambda: world.server.delete("agentruns", name))


@action(1)
def orphan_all(world: World, choices: Choices) -> None:
    """Delete a Job of the operator's, and leave its pods to themselves; or free it of its run."""
    jobs = [job for job in world.server.all("jobs") if owners(job)]
    if jobs:
        job = choices.one(jobs)
        world.recorder.disturbed.add(made_for(job))
        name, what = name_of(job), "Job deleted by a tenant, its pods orphaned"
        attempt(world, what, lambda: world.server.delete("jobs", name, propagation="Orphan"))


@action(1)
def change_agent(world: World, choices: Choices) -> None:
    """By an author, or by a tenant that may write Agents, but no pods."""
    agents = world.server.all("agents")
    if not agents:
        return
    agent, who = choices.one(agents), choices.one((Who.TENANT, Who.CREATOR))
    changes: tuple[tuple[str, tuple[object, ...]], ...] = (
        ("retries", (2, 0, None)),
        ("multitaskStrategy", (None, "reject", "interrupt", "rollback")),
        ("ttlSecondsAfterFinished", (5, None)),
        ("gracePeriodSeconds", (1, 60)),
        ("timeoutSeconds", (10, None)),
        ("image", ("foreign", None)),
        ("store", ({"claimName": "other"}, None)),
    )
    field, values = choices.one(changes)
    new = merged(agent, {"spec": {field: choices.one(values)}})
    if new != agent:
        attempt(world, "Agent changed", lambda: world.server.update("agents", agent, new), who)


@action(0.5)
def agent_is_deleted(world: World, choices: Choices) -> None:
    agents = world.server.all("agents")
    if agents:
        world.faults["Agent deleted"] += 1
        world.server.delete("agents", name_of(choices.one(agents)))


@action(2)
def agents_are_made(world: World, choices: Choices) -> None:
    world.make_agents()


@action(0.5)
def kill_pods(world: World, choices: Choices) -> None:
    """All pods at a time, as a tenant may who may delete pods."""
    pods = [pod for pod in world.server.all("pods") if not has_ended(pod)]
    for pod in pods:
        world.recorder.disturbed.add(made_for(pod))
        world.server.delete("pods", name_of(pod))
    if pods:
        world.faults["all pods deleted by a tenant"] += 1
