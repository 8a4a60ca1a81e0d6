"""The Job controller: it looks, and later does what it has decided then.

Between the two anything may happen, as with the real one, which decides from its own cache:
https://github.com/kubernetes/kubernetes/blob/v1.36.0/pkg/controller/job/job_controller.go
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime

from objects import (
    TRACKING,
    Object,
    condition,
    finalizers,
    has_ended,
    is_deleting,
    is_owned_by,
    name_of,
    phase_of,
    uid_of,
    with_condition,
    without_finalizer,
)

from .apiserver import ApiServer
from .clock import EPOCH, Clock
from .policies import Who


@dataclass
class Decision:
    job: Object  # as it was when the controller looked
    status: Object
    create: bool = False
    delete: list[Object] = field(default_factory=list)
    suspend: list[Object] = field(default_factory=list)  # pods that are deleted, never counted
    untrack: list[str] = field(default_factory=list)  # uids of pods


def _is_ignored(job: Object, pod: Object) -> bool:
    rules = (job["spec"].get("podFailurePolicy") or {}).get("rules", [])
    ignores = any(rule["action"] == "Ignore" for rule in rules)
    return ignores and condition(pod, "DisruptionTarget") is not None


def _is_fatal(job: Object, pod: Object) -> bool:
    rules = (job["spec"].get("podFailurePolicy") or {}).get("rules", [])
    codes = [c for r in rules if r["action"] == "FailJob" for c in r["onExitCodes"]["values"]]
    ends = [c["state"].get("terminated") for c in pod["status"].get("containerStatuses", [])]
    return any(end is not None and end["exitCode"] in codes for end in ends)


def is_finished(job: Object) -> bool:
    return any(condition(job, kind) is not None for kind in ("Complete", "Failed"))


class JobController:
    """``overtaken`` is told the UID of a Job of which a pod may have ended that it never counts."""

    def __init__(self, server: ApiServer, clock: Clock, overtaken: Callable[[str], None]) -> None:
        self._server = server
        self._clock = clock
        self._overtaken = overtaken
        self._decisions: dict[str, Decision] = {}  # by job uid
        self._pods_made = 0

    @property
    def undone(self) -> list[str]:
        return sorted(self._decisions)

    def sync(self, job: Object) -> None:
        self.look(job)
        self.act(uid_of(job))

    def look(self, job: Object) -> None:
        uid = uid_of(job)
        if uid in self._decisions or "managedBy" in job["spec"]:
            return  # one worker per Job, and another controller's are not its own
        pods = [p for p in self._server.all("pods") if is_owned_by(p, uid)]
        self._decisions[uid] = self._decide(job, pods)

    def _decide(self, job: Object, pods: list[Object]) -> Decision:
        tracked = [p for p in pods if TRACKING in finalizers(p)]
        suspended = bool(job["spec"].get("suspend"))
        status = dict(job.get("status", {}))
        if not suspended and ("startTime" not in status or condition(job, "Suspended")):
            status = status | {"startTime": self._clock.stamp()}
        if is_deleting(job) or is_finished(job):
            return Decision(job, job.get("status", {}), untrack=[uid_of(p) for p in tracked])
        only_failed = job["spec"].get("podReplacementPolicy") == "Failed"
        active = [p for p in pods if not has_ended(p) and not is_deleting(p)]
        terminating = [p for p in pods if not has_ended(p) and is_deleting(p)]
        failed_now = [p for p in tracked if phase_of(p) == "Failed"]
        counted = [p for p in failed_now if not _is_ignored(job, p)]
        lost = [] if only_failed else terminating
        failed = status.get("failed", 0) + len(counted)
        succeeded_now = [p for p in tracked if phase_of(p) == "Succeeded"]
        succeeded = status.get("succeeded", 0) + len(succeeded_now)
        status |= {"failed": failed, "succeeded": succeeded}
        decision = Decision(job, status, untrack=[uid_of(p) for p in failed_now + succeeded_now])
        # The real one looks for fatal exit codes at all pods, also at those that it does not count.
        ended = [p for p in pods if phase_of(p) == "Failed" and not _is_ignored(job, p)]
        reason = self._failure(job, status, ended, failed + len(lost))
        if reason is not None:
            decision.status = status | {"failing": reason}
            decision.delete = active
            if condition(job, "FailureTarget") is None:
                self._condition(decision, "FailureTarget", reason)
            if not active and not terminating:
                self._condition(decision, "Failed", reason)
        elif succeeded:
            decision.delete = active
            if not active and not terminating:
                self._condition(decision, "Complete", "CompletionsReached")
        elif suspended:
            decision.suspend = active
            self._condition(decision, "Suspended", "JobSuspended")
        else:
            if condition(job, "Suspended") is not None:
                self._condition(decision, "Suspended", "JobResumed", value="False")
            decision.create = not active and not terminating
        return decision

    def _failure(self, job: Object, status: Object, failed: list[Object], count: int) -> str | None:
        if "failing" in status:
            return str(status["failing"])
        if any(_is_fatal(job, pod) for pod in failed):
            return "PodFailurePolicy"
        if count > job["spec"].get("backoffLimit", 6):
            return "BackoffLimitExceeded"
        deadline = job["spec"].get("activeDeadlineSeconds")
        if deadline is None or job["spec"].get("suspend"):
            return None
        if seconds_of(status["startTime"]) + deadline <= self._clock.seconds:
            return "DeadlineExceeded"
        return None

    def _condition(
        self, decision: Decision, kind: str, reason: str, *, value: str = "True"
    ) -> None:
        holder: Object = {"status": decision.status}
        holder = with_condition(holder, kind, reason, self._clock.stamp(), value=value)
        decision.status = holder["status"]

    def act(self, uid: str) -> None:
        decision = self._decisions.pop(uid, None)
        if decision is not None:
            with self._server.acting_as(Who.JOB_CONTROLLER):
                self._act(uid, decision)

    def _act(self, uid: str, decision: Decision) -> None:
        if decision.create:
            self._create_pod(decision.job)
        now = self._server.by_uid("jobs", uid)
        if decision.suspend and now is not None and not now["spec"].get("suspend"):
            self._overtaken(uid)
        for pod in decision.suspend:
            self.untrack(uid_of(pod))
        for pod in decision.delete + decision.suspend:
            if self._server.by_uid("pods", uid_of(pod)) is not None:
                self._server.delete("pods", name_of(pod), uid=uid_of(pod))
        job = self._server.by_uid("jobs", uid)
        if (
            job is not None
            and job["metadata"]["resourceVersion"] != (decision.job["metadata"]["resourceVersion"])
        ):
            return  # conflict: it looks again
        if job is not None:
            self._server.update("jobs", job, job | {"status": decision.status})
        for pod_uid in decision.untrack:
            self.untrack(pod_uid)

    def untrack(self, pod_uid: str) -> None:
        pod = self._server.by_uid("pods", pod_uid)
        if pod is not None and TRACKING in finalizers(pod):
            with self._server.acting_as(Who.JOB_CONTROLLER):
                self._server.update("pods", pod, without_finalizer(pod, TRACKING))

    def untrack_orphans(self) -> None:
        """Pods whose Job is gone need not be counted any more."""
        for pod in self._server.all("pods"):
            if TRACKING not in finalizers(pod):
                continue
            refs = pod["metadata"].get("ownerReferences") or []
            if not any(self._server.by_uid("jobs", ref["uid"]) for ref in refs):
                self.untrack(uid_of(pod))

    def _create_pod(self, job: Object) -> None:
        self._pods_made += 1
        template = job["spec"]["template"]
        name, uid = name_of(job), uid_of(job)
        owner = {
            "apiVersion": "batch/v1",
            "kind": "Job",
            "name": name,
            "uid": uid,
            "controller": True,
            "blockOwnerDeletion": True,
        }
        labels = {
            "batch.kubernetes.io/job-name": name,
            "batch.kubernetes.io/controller-uid": uid,
        }
        meta = template["metadata"] | {
            "name": f"{name}-{self._pods_made}",
            "labels": template["metadata"]["labels"] | labels,
            "ownerReferences": [owner],
            "finalizers": [TRACKING],
        }
        self._server.create("pods", {"metadata": meta, "spec": template["spec"]})


def seconds_of(stamp: str) -> float:
    """Virtual seconds of a time stamp of the cluster."""
    return (datetime.fromisoformat(stamp) - EPOCH).total_seconds()
