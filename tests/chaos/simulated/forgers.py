"""What tenants make that looks like the operator's: Jobs and pods of runs, and clean-ups."""

import json

from agentrun_operator.constants import (
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
from agentrun_operator.models import AgentRun
from agentrun_operator.resources.run_labels import own_labels
from objects import FORGED, Object, label, name_of, uid_of
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
    labels = {LABEL_MANAGED_BY: MANAGED_BY, LABEL_COMPONENT: COMPONENT_CLEANUP}
    runs = world.server.all("agentruns")
    marks = {
        ANNOTATION_CLAIM: DEFAULT_CLAIM,
        ANNOTATION_CLEANUP_RUNS: json.dumps({uid_of(run): name_of(run) for run in runs}),
        ANNOTATION_CLEANUP_ATTEMPT: choices.one(("1", "2", "99")),
    }
    names = [*_coming_names(world), "agentrun-cleanup-forged"]
    shown = choices.one((labels, {}))
    notes = choices.one((marks, {}))
    meta: Object = {"name": names[0], "labels": shown, "annotations": notes}
    if choices.one((True, False)):
        meta["ownerReferences"] = [_ref(run, "AgentRun", controls=False) for run in runs]
    container = _container(CLEANUP_CONTAINER, _all_clean(world))
    spec = {"template": _template(shown, container), "suspend": choices.one((False, True))}
    job = {"metadata": meta, "spec": spec}
    what = "clean-up Job forged" if shown or notes else "name of a clean-up Job taken"
    attempt(world, what, lambda: world.server.create("jobs", job))


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
