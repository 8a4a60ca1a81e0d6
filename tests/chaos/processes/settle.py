"""The end of a round: no more faults, and everything has to come to its end."""

from contextlib import suppress

from agentrun_kube.names import FINALIZER, LABEL_RUN_UID
from agentrun_kube.vocabulary import FINAL_PHASES
from agentrun_operator.facts.objects import condition_is_true
from objects import (
    Object,
    finalizers,
    has_ended,
    is_deleting,
    label,
    name_of,
    owners,
    phase_of,
    uid_of,
)

from ..simulated.settle import watched_for_ever
from .api import Api, eventually

# More than the longest wait between two repetitions, which is a minute.
DEADLINE = 120.0


async def settle(api: Api, namespace: str) -> list[tuple[str, str]]:
    """Wait until everything has come to its end; what has not, by the UID of its run."""
    texts: list[tuple[str, str]] = []

    async def settled() -> bool:
        await _free_names(api, namespace)
        texts[:] = await unsettled(api, namespace)
        return not texts

    with suppress(TimeoutError):
        await eventually(settled, DEADLINE)
    return texts


async def unsettled(api: Api, namespace: str) -> list[tuple[str, str]]:
    runs, jobs, pods = [
        (await api.all(plural, namespace))["items"] for plural in ("agentruns", "jobs", "pods")
    ]
    found = [(uid_of(run), text) for run in runs for text in _open(run)]
    there = {uid_of(obj) for obj in (*runs, *jobs)}
    for kind, objects in (("Job", jobs), ("pod", pods)):
        for obj in objects:
            run, name = label(obj, LABEL_RUN_UID) or "", name_of(obj)
            if is_deleting(obj):
                found.append((run, f"{kind} {name} is still being deleted: {finalizers(obj)}"))
            elif owners(obj) and not any(owner["uid"] in there for owner in owners(obj)):
                found.append((run, f"{kind} {name} is left of a run that is gone"))
            if not (_finished(obj) if kind == "Job" else has_ended(obj)):
                found.append((run, f"{kind} {name} has not ended"))
    return found + watched_for_ever(runs, jobs=jobs, pods=pods)


async def _free_names(api: Api, namespace: str) -> None:
    """Jobs without an owner hold up runs of their name, which say so; users delete them."""
    for job in (await api.all("jobs", namespace))["items"]:
        if not owners(job) and _finished(job) and not is_deleting(job):
            await api.delete("jobs", namespace, name_of(job), propagationPolicy="Background")


def _finished(job: Object) -> bool:
    return condition_is_true(job, "Complete", "Failed")


def _open(run: Object) -> list[str]:
    name, phase = name_of(run), phase_of(run)
    if is_deleting(run):
        return [f"{name} ({phase}) is still being deleted: {finalizers(run)}"]
    if phase not in FINAL_PHASES:
        return [f"{name} is still {phase}: {run.get('status', {}).get('conditions')}"]
    if FINALIZER in finalizers(run) and run["spec"].get("reclaimPolicy") != "Delete":
        return [f"{name} ({phase}) still has the finalizer"]
    return []
