"""What decisions need to know of Jobs and their pods, read out of the raw objects."""

from dataclasses import dataclass
from datetime import datetime

from agentrun_kube.names import ANNOTATION_RETRIES, LABEL_RUN_UID
from agentrun_kube.objects import Object
from agentrun_kube.text import whole_number

from .objects import condition_is_true, is_unwatched, labels, owner_uid, time_of
from .pods import DEADLINE_EXCEEDED, PodFacts


@dataclass(frozen=True)
class JobFacts:
    name: str
    uid: str
    created_at: datetime
    owner_uid: str | None  # of its controlling owner; None of one that was orphaned
    made_for: str | None  # UID of the run that its label names, user-writable
    deleting: bool
    finished: bool  # Complete, Failed, or its one pod has succeeded, which comes a moment earlier
    suspended: bool  # by spec.suspend, or its controller has not resumed it yet
    started_at: datetime | None  # or resumed
    deadline_exceeded: bool  # it fails because of the Job's own activeDeadlineSeconds
    backoff_limit: int
    retries: int  # backoffLimit as the Job was made
    fatal_exit_codes: frozenset[int]  # of the agent's container, by the Job's podFailurePolicy
    claim_name: str | None
    watched: bool  # neither succeeded nor labelled as finished

    @property
    def run_uid(self) -> str | None:
        """UID of the run that it was made for; without an owner, its label is all there is."""
        return self.owner_uid or self.made_for


def _fails_because(job: Object) -> str | None:
    """Why the Job fails. Until its pods have ended the Job controller says so in FailureTarget:
    https://kubernetes.io/docs/concepts/workloads/controllers/job/#termination-of-job-pods
    """
    return next(
        (
            str(c.get("reason"))
            for c in job.get("status", {}).get("conditions") or []
            if c["type"] in ("FailureTarget", "Failed") and c["status"] == "True"
        ),
        None,
    )


def _retries(job: Object) -> int:
    text = (job["metadata"].get("annotations") or {}).get(ANNOTATION_RETRIES, "")
    retries = whole_number(text)
    return int(job["spec"].get("backoffLimit", 6)) if retries is None else retries


def job_facts(job: Object) -> JobFacts:
    return JobFacts(
        name=job["metadata"]["name"],
        uid=job["metadata"]["uid"],
        created_at=datetime.fromisoformat(job["metadata"]["creationTimestamp"]),
        owner_uid=owner_uid(job),
        made_for=labels(job).get(LABEL_RUN_UID),
        deleting="deletionTimestamp" in job["metadata"],
        finished=condition_is_true(job, "Complete", "Failed")
        or job.get("status", {}).get("succeeded", 0) > 0,
        suspended=bool(job["spec"].get("suspend")) or condition_is_true(job, "Suspended"),
        started_at=time_of(job.get("status", {}).get("startTime")),
        deadline_exceeded=_fails_because(job) == DEADLINE_EXCEEDED,
        backoff_limit=job["spec"].get("backoffLimit", 6),
        retries=_retries(job),
        fatal_exit_codes=frozenset(
            code
            for rule in (job["spec"].get("podFailurePolicy") or {}).get("rules", [])
            if rule["action"] == "FailJob"
            for code in rule.get("onExitCodes", {}).get("values", [])
        ),
        claim_name=next(
            (
                volume["persistentVolumeClaim"]["claimName"]
                for volume in job["spec"]["template"]["spec"].get("volumes", [])
                if volume["name"] == "store" and "persistentVolumeClaim" in volume
            ),
            None,
        ),
        watched=not is_unwatched(job) and job.get("status", {}).get("succeeded", 0) == 0,
    )


def can_make_pods(job: JobFacts | None, pods: tuple[PodFacts, ...]) -> bool:
    """Whether the run's Job can still make a pod.

    Only pods that the Job controls count: it knows no others, whatever labels they have.

    Beside a Job that is gone or finished, it cannot when the Job controller has nothing left to do
    but to count: one pod has succeeded (completions is 1), one has failed with an exit code that
    the podFailurePolicy names as fatal, or more have failed than backoffLimit allows. Evicted pods
    do not count as failures (the podFailurePolicy again). Pods cannot vanish before they are
    counted, they carry the controller's tracking finalizer:
    https://kubernetes.io/docs/concepts/workloads/controllers/job/#job-tracking-with-finalizers
    Knowing this saves the second that the controller takes to batch its own status.

    Of a Job that is or was suspended it never counts the pods that it stops: see `uncounted`. While
    it is suspended, only its own conditions tell that it has ended.
    """
    if job is None or job.finished:
        return False
    if job.suspended and not job.deleting:
        return True
    own = [pod for pod in pods if pod.job_uid == job.uid]
    counted = [pod for pod in own if job.deleting or not pod.uncounted]
    if any(pod.phase == "Succeeded" for pod in counted):
        return False
    failed = [pod for pod in counted if pod.phase == "Failed" and not pod.disrupted]
    if any(pod.exit_code in job.fatal_exit_codes for pod in failed):
        return False
    return len(failed) <= job.backoff_limit
