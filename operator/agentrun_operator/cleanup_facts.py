"""Reads a clean-up Job and the report in its pod's termination message."""

from datetime import datetime

from pydantic import Field, ValidationError

from .account import json_object
from .constants import (
    ANNOTATION_CLEANUP_ATTEMPT,
    ANNOTATION_CLEANUP_RUNS,
    CLEANUP_CONTAINER,
)
from .facts import Object, missing_claim, pod_facts
from .models import Model, whole_number
from .policy.cleanup import CleanupJob


class Cleaned(Model):
    checkpoints: int


class Report(Model):
    """What a clean-up has to say, of each run by its UID: what went, or what was wrong."""

    runs: dict[str, Cleaned] = Field(default_factory=dict)
    errors: dict[str, str] = Field(default_factory=dict)


_ENDS = ("Complete", "Failed", "FailureTarget")


def cleanup_job_facts(job: Object, pods: list[Object]) -> CleanupJob:
    """``pods`` are the pods of that Job."""
    annotations = job["metadata"].get("annotations") or {}
    report, problem = _report(pods)
    return CleanupJob(
        name=job["metadata"]["name"],
        uid=job["metadata"]["uid"],
        attempt=_attempt(annotations.get(ANNOTATION_CLEANUP_ATTEMPT, "")),
        created_at=datetime.fromisoformat(job["metadata"]["creationTimestamp"]),
        has_pod=bool(pods),
        run_uids=frozenset(cleanup_runs(job)),
        finished_at=_finished_at(job, pods),
        deleted={uid: done.checkpoints for uid, done in report.runs.items()},
        errors=report.errors,
        problem=problem,
        claim_missing=any(missing_claim(pod_facts(pod)) for pod in pods),
    )


def cleanup_runs(job: Object) -> dict[str, str]:
    """The runs that a clean-up Job cleans: name by UID. None if the annotation is not ours."""
    annotations = job["metadata"].get("annotations") or {}
    return {
        uid: name
        for uid, name in json_object(annotations.get(ANNOTATION_CLEANUP_RUNS, "")).items()
        if isinstance(name, str)
    }


def _attempt(text: str) -> int:
    return whole_number(text) or 1


def _finished_at(job: Object, pods: list[Object]) -> datetime | None:
    # backoffLimit is 0, so a pod that has ended is the last; the Job's own conditions come a second
    # later, and are what is left if the pod is gone. A pod on a lost node may never be reported as
    # ended: FailureTarget says that no report will come. It knows nothing but what it was made for,
    # and whoever cleans the same beside it does no harm.
    for pod in pods:
        for status in pod.get("status", {}).get("containerStatuses") or []:
            ended = status.get("state", {}).get("terminated")
            # A container that never started has no time of its end, and null for it.
            if ended and ended.get("finishedAt") and not pod_facts(pod).alive:
                return datetime.fromisoformat(ended["finishedAt"])
    for condition in job.get("status", {}).get("conditions") or []:
        if condition["type"] in _ENDS and condition["status"] == "True":
            return datetime.fromisoformat(condition["lastTransitionTime"])
    return None


def _report(pods: list[Object]) -> tuple[Report, str]:
    """The report, and why there is none."""
    for pod in pods:
        for status in pod.get("status", {}).get("containerStatuses") or []:
            ended = status.get("state", {}).get("terminated")
            if status["name"] != CLEANUP_CONTAINER or not ended:
                continue
            try:
                return Report.model_validate_json(ended.get("message", "")), ""
            except ValidationError:
                name, code = pod["metadata"]["name"], ended["exitCode"]
                return Report(), f"pod {name} ended with code {code} and without a report"
        facts = pod_facts(pod)
        trouble = facts.scheduling_message or facts.waiting_message or facts.message
        if facts.alive and facts.deleting and facts.node is not None:
            trouble = f"it is taken away, and node {facts.node} has not reported its end"
        if trouble:
            return Report(), f"pod {facts.name}: {trouble}"
    return Report(), ""
