"""Reads a clean-up Job and the report in its pod's termination message."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from pydantic import Field, ValidationError

from agentrun_kube.names import ANNOTATION_CLEANUP_RUNS, CLEANUP_CONTAINER
from agentrun_kube.objects import Object
from agentrun_kube.termination_report import json_object
from agentrun_kube.text import clean
from agentrun_kube.v1alpha1.base import Model

from .pods import missing_claim, pod_facts

# A Job that has not ended by then is left to itself: it is suspended, or its controller is silent.
LONGEST_JOB = timedelta(minutes=15)


@dataclass(frozen=True)
class CleanupJobFacts:
    """A clean-up Job as it is found: which runs it cleans, and what it reported when it ended."""

    name: str
    uid: str
    attempt: int
    created_at: datetime
    has_pod: bool
    suspended: bool
    run_uids: frozenset[str]
    finished_at: datetime | None
    deleted: dict[str, int]  # run UID -> checkpoints that went
    errors: dict[str, str]  # run UID -> what was wrong
    problem: str  # why there is no report, or why it does not run
    claim_missing: bool  # it does not run because there is no such PersistentVolumeClaim
    unread_log: str | None  # the pod whose log has the report, which the kubelet has cut

    def ended_at(self, now: datetime) -> datetime | None:
        """When it ended or was given up; None while a report may still come."""
        given_up = self.created_at + LONGEST_JOB
        return self.finished_at or (given_up if given_up <= now else None)


@dataclass(frozen=True)
class Work:
    """What a clean-up Job was made for."""

    run_uids: frozenset[str]
    attempt: int


class Cleaned(Model):
    checkpoints: int = Field(ge=0, lt=2**63)


class Report(Model):
    """A clean-up's report, by run UID: what it deleted, or why it failed."""

    runs: dict[str, Cleaned] = Field(default_factory=dict)
    errors: dict[str, str] = Field(default_factory=dict)


_ENDS = ("Complete", "Failed", "FailureTarget")


def cleanup_job_facts(
    job: Object, pods: list[Object], work: Work, logs: Mapping[str, str]
) -> CleanupJobFacts:
    """``pods`` are the pods of that Job, ``logs`` the logs that were read, by the pod's name."""
    report, problem, unread = _report(pods, logs)
    return CleanupJobFacts(
        name=job["metadata"]["name"],
        uid=job["metadata"]["uid"],
        attempt=work.attempt,
        created_at=datetime.fromisoformat(job["metadata"]["creationTimestamp"]),
        has_pod=bool(pods),
        suspended=bool(job["spec"].get("suspend")),
        run_uids=work.run_uids,
        finished_at=None if unread else _finished_at(job, pods),
        deleted={
            uid: done.checkpoints for uid, done in report.runs.items() if uid in work.run_uids
        },
        errors={uid: clean(error) for uid, error in report.errors.items()},
        problem=problem,
        claim_missing=any(missing_claim(pod_facts(pod)) for pod in pods),
        unread_log=unread,
    )


def cleanup_runs(job: Object) -> dict[str, str]:
    """The runs that a clean-up Job cleans: name by UID. None if the annotation is not ours."""
    annotations = job["metadata"].get("annotations") or {}
    return {
        uid: name
        for uid, name in json_object(annotations.get(ANNOTATION_CLEANUP_RUNS, "")).items()
        if isinstance(name, str)
    }


def _finished_at(job: Object, pods: list[Object]) -> datetime | None:
    # backoffLimit is 0, so a pod that has ended is the last; the Job's own conditions come a second
    # later, and are what is left if the pod is gone. A pod on a lost node may never be reported as
    # ended: FailureTarget means that no report will come. A pod that still runs on the lost node is
    # harmless: it only repeats idempotent work on its own runs.
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


def _report(pods: list[Object], logs: Mapping[str, str]) -> tuple[Report, str, str | None]:
    """The report; what is wrong if it is not whole; the pod whose log has to be read for it."""
    for pod in pods:
        name = pod["metadata"]["name"]
        for status in pod.get("status", {}).get("containerStatuses") or []:
            ended = status.get("state", {}).get("terminated")
            if status["name"] != CLEANUP_CONTAINER or not ended:
                continue
            code = ended["exitCode"]
            killed = f"pod {name} ended with code {code} before it had reported on this run"
            report = _read_report(ended.get("message", ""))
            if report is None:
                # The kubelet gives each container its share of 12 KiB, so it may have been cut.
                lines = reversed(logs.get(name, "").splitlines())
                report = next((found for line in lines if (found := _read_report(line))), None)
            if report is None:
                return Report(), killed, None if name in logs else name
            return report, killed, None
        facts = pod_facts(pod)
        trouble = facts.scheduling_message or facts.waiting_message or facts.message
        if facts.alive and facts.deleting and facts.node is not None:
            trouble = f"it is taken away, and node {facts.node} has not reported its end"
        if trouble:
            return Report(), f"pod {facts.name}: {trouble}", None
    return Report(), "", None


def _read_report(text: str) -> Report | None:
    """The report that the text is, if it is whole."""
    found = json_object(text)
    if "runs" not in found or "omitted" in found:  # the log has what had no room
        return None
    try:
        return Report.model_validate(found)
    except ValidationError:
        return None
