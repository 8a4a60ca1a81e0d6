"""What tenants make that looks like the operator's: Jobs and pods of runs, and clean-ups."""

import json

from agentrun_kube.names import (
    AGENT_CONTAINER,
    ANNOTATION_CLAIM,
    ANNOTATION_CLEANUP_ATTEMPT,
    ANNOTATION_CLEANUP_RUNS,
    ANNOTATION_RUNNER,
    CLEANUP_CONTAINER,
    COMPONENT_CLEANUP,
    DEFAULT_CLAIM,
    LABEL_COMPONENT,
    LABEL_MANAGED_BY,
    MANAGED_BY,
)
from agentrun_kube.v1alpha1.agent_run import AgentRun
from agentrun_operator.resources.run_labels import own_labels
from objects import FORGED, Object, is_owned_by, label, name_of, uid_of
from simulated.agents import lie
from simulated.world import World

from .hostile import attempt
from .steps import Choices, action

Labels = dict[str, str]
RESULTS = ("Succeeded", "Failed", "Stopped")


def _container(name: str, report: object) -> Object:
    env = [{"name": "REPORT", "value": json.dumps(report)}]
    return {"name": name, "image": FORGED, "env": env}


def _account(choices: Choices) -> Object:
    return {"result": choices.one(RESULTS), "checkpoint": {"count": 7}}


def _all_clean(world: World) -> Object:
    runs = {uid_of(run): {"checkpoints": 7} for run in world.server.all("agentruns")}
    return {"runs": runs, "errors": {}}


def _ref(owner: Object, kind: str, *, controls: bool) -> Object:
    ref = {"kind": kind, "name": name_of(owner), "uid": uid_of(owner), "controller": controls}
    return {"apiVersion": "agentrun.dev/v1alpha1" if kind == "AgentRun" else "batch/v1"} | ref


def _template(labels: Labels, container: Object) -> Object:
    meta = {"labels": labels, "annotations": {ANNOTATION_RUNNER: "true"}}
    return {"metadata": meta, "spec": {"containers": [container]}}


@action(1.5)
def forge_run_job(world: World, choices: Choices) -> None:
    """With the name of a run, before the operator makes its Job, or after that has gone."""
    runs = world.server.all("agentruns")
    if not runs:
        return
    run = choices.one(runs)
    labels = own_labels(AgentRun.model_validate(run))
    how = choices.one(("no owner", "an owner", "a controlling owner"))
    refs = [] if how == "no owner" else [_ref(run, "AgentRun", controls=how.startswith("a c"))]
    shown = choices.one((labels, {}))
    template = _template(choices.one((labels, {})), _container(AGENT_CONTAINER, _account(choices)))
    spec = {"template": template, "backoffLimit": choices.one((0, 2))}
    spec["suspend"] = choices.one((False, True))
    meta = {"name": name_of(run), "labels": shown, "ownerReferences": refs}
    job = {"metadata": meta, "spec": spec}
    attempt(world, f"Job of a run forged, with {how}", lambda: world.server.create("jobs", job))


@action(1.5)
def forge_cleanup_job(world: World, choices: Choices) -> None:
    """For all runs, as the next attempt; with a name that the operator is just about to take."""
    shown, notes = choices.one((_CLEANUP_LABELS, {})), choices.one((True, False))
    attempt_number = choices.one(("1", "2", "99"))
    owned, suspended = choices.one((True, False)), choices.one((False, True))
    names = [*_coming_names(world), "agentrun-cleanup-forged"]
    marks = _cleanup_marks(world, attempt_number) if notes else {}
    job = _cleanup_job(world, names[0], shown, marks, owned=owned)
    job["spec"]["suspend"] = suspended
    what = "clean-up Job forged" if shown or notes else "name of a clean-up Job taken"
    attempt(world, what, lambda: world.server.create("jobs", job))


@action(1)
def forge_finished_cleanup(world: World, choices: Choices) -> None:
    """A clean-up Job that has reported all runs to be clean before the operator sees it."""
    name = f"agentrun-cleanup-forged-{world.server.version}"
    job = _cleanup_job(world, name, _CLEANUP_LABELS, _cleanup_marks(world, "1"), owned=True)
    if attempt(world, "clean-up Job forged", lambda: world.server.create("jobs", job)):
        made = world.server.get("jobs", name)
        assert made is not None
        world.jobs.sync(made)
        world.nodes.schedule()
        for pod in world.server.all("pods"):
            if is_owned_by(pod, uid_of(made)):
                _run_to_its_end(world, pod)


def _run_to_its_end(world: World, pod: Object) -> None:
    world.nodes.see(pod)
    container = world.nodes.containers.get(uid_of(pod))
    if container is not None:  # else no node is there that runs it
        world.nodes.act(container)
        lie(container)
        world.nodes.report(container)


_CLEANUP_LABELS = {LABEL_MANAGED_BY: MANAGED_BY, LABEL_COMPONENT: COMPONENT_CLEANUP}


def _cleanup_marks(world: World, attempt_number: str) -> Labels:
    runs = {uid_of(run): name_of(run) for run in world.server.all("agentruns")}
    return {
        ANNOTATION_CLAIM: DEFAULT_CLAIM,
        ANNOTATION_CLEANUP_RUNS: json.dumps(runs),
        ANNOTATION_CLEANUP_ATTEMPT: attempt_number,
    }


def _cleanup_job(world: World, name: str, labels: Labels, marks: Labels, *, owned: bool) -> Object:
    """It names all runs that are there as its owners, and reports that they are clean."""
    meta: Object = {"name": name, "labels": labels, "annotations": marks}
    if owned:
        runs = world.server.all("agentruns")
        meta["ownerReferences"] = [_ref(run, "AgentRun", controls=False) for run in runs]
    container = _container(CLEANUP_CONTAINER, _all_clean(world))
    return {"metadata": meta, "spec": {"template": _template(labels, container)}}


def _coming_names(world: World) -> list[str]:
    """Of the clean-up Jobs whose requests are under way: no tenant could guess them."""
    requests = [request.text for operator in world.operators for request in operator.kube.pending]
    prefix = "create jobs/"
    return [t.removeprefix(prefix) for t in requests if t.startswith(f"{prefix}agentrun-cleanup-")]


@action(1)
def forge_pod(world: World, choices: Choices) -> None:
    """A pod of a run, with a report of its own; by its owner reference, of the run's Job or not."""
    runs = world.server.all("agentruns")
    if not runs:
        return
    run = choices.one(runs)
    labels = own_labels(AgentRun.model_validate(run))
    job = world.server.get("jobs", name_of(run))
    refs = choices.one(([], [] if job is None else [_ref(job, "Job", controls=True)]))
    _make_pod(world, choices, labels, refs, _container(AGENT_CONTAINER, _account(choices)))


@action(1)
def forge_cleanup_pod(world: World, choices: Choices) -> None:
    """With the name or, by its owner reference, the UID of a clean-up Job of the operator's."""
    jobs = [j for j in world.server.all("jobs") if label(j, LABEL_COMPONENT) == COMPONENT_CLEANUP]
    if not jobs:
        return
    job = choices.one(jobs)
    refs = choices.one(([], [_ref(job, "Job", controls=True)]))
    labels = dict(job["metadata"]["labels"]) | {"batch.kubernetes.io/job-name": name_of(job)}
    _make_pod(world, choices, labels, refs, _container(CLEANUP_CONTAINER, _all_clean(world)))


def _make_pod(
    world: World, choices: Choices, labels: Labels, refs: list[Object], container: Object
) -> None:
    name = f"forged-{world.server.version}"
    meta = _template(labels, container)["metadata"] | {"name": name, "ownerReferences": refs}
    pod = {"metadata": meta, "spec": {"containers": [container]}}
    attempt(world, "pod forged", lambda: world.server.create("pods", pod))
