"""What decisions need to know of Jobs and pods, read out of the raw objects.

``PodFacts.alive`` is the root of every final phase: a pod counts as alive until the kubelet has
reported that no container of it is left (phase Succeeded or Failed), or the object is gone.
"""

import re
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from .account import Account, read_account
from .constants import (
    AGENT_CONTAINER,
    ANNOTATION_RETRIES,
    COMPONENT_AGENT,
    LABEL_COMPONENT,
    LABEL_FINISHED,
    LABEL_RUN_UID,
    WORKSPACE_CONTAINER,
)
from .models import whole_number

Object = dict[str, Any]

# The kubelet stops a pod whose activeDeadlineSeconds are over; 1 is the smallest that is allowed.
STOP_DEADLINE = 1
# What a pod gets in which nothing has started. Its container may start just now, and a program that
# is told to end in its first moment as PID 1 does not hear it: the kernel drops the signal.
UNSTARTED_GRACE = 2
DEADLINE_EXCEEDED = "DeadlineExceeded"


@dataclass(frozen=True)
class PodFacts:
    name: str
    uid: str
    run_uid: str | None
    phase: str
    created_at: datetime
    reason: str  # status.reason, for example DeadlineExceeded or Evicted
    message: str
    node: str | None
    deleting: bool
    deletion_grace: int | None  # metadata.deletionGracePeriodSeconds, if it is being deleted
    has_started: bool  # some container, init containers too, runs or has run
    container_runs: bool  # as far as its kubelet has said
    agent_started_at: datetime | None
    unready: bool  # so its kubelet says, or the node controller in the place of one that is silent
    deadline: int | None  # spec.activeDeadlineSeconds
    grace_seconds: int  # spec.terminationGracePeriodSeconds
    disruption: str  # evicted, preempted, drained, given up with its node; the reason, or empty
    scheduling_message: str  # why it has no node; empty if it has
    waiting_reason: str  # of the first container that waits, for example ImagePullBackOff
    waiting_message: str
    lingering: tuple[str, ...]  # containers that go on although the agent's has ended
    init_failure: str  # which init container ended with which exit code; empty if none failed
    no_start: str  # why the agent's container ended whose start its kubelet never saw; else empty
    exit_code: int | None  # of the agent's container
    exit_reason: str  # of the agent's container, for example OOMKilled
    account: Account | None  # of the runner, as PID 1 or as the container that makes the workspace
    watched: bool  # neither succeeded nor let go

    @property
    def alive(self) -> bool:
        return self.phase not in ("Succeeded", "Failed")

    @property
    def signalled(self) -> bool:
        """Whether the kubelet has been asked to stop it."""
        return self.deleting or (self.deadline is not None and self.deadline <= STOP_DEADLINE)

    @property
    def timed_out(self) -> bool:
        """Whether the kubelet stopped it for its own deadline, and nobody had asked for a stop."""
        return self.reason == DEADLINE_EXCEEDED and (self.deadline or 0) > STOP_DEADLINE

    @property
    def disrupted(self) -> bool:
        return bool(self.disruption)

    @property
    def agent_running(self) -> bool:
        return self.alive and self.agent_started_at is not None


@dataclass(frozen=True)
class JobFacts:
    name: str
    uid: str
    created_at: datetime
    owner_uid: str | None  # of its controlling owner; None of one that was orphaned
    made_for: str | None  # UID of the run that its label names, which others may have set
    deleting: bool
    finished: bool  # Complete, Failed, or its one pod has succeeded, which comes a moment earlier
    deadline_exceeded: bool  # it fails because of the Job's own activeDeadlineSeconds
    backoff_limit: int
    retries: int  # backoffLimit as the Job was made
    fatal_exit_codes: frozenset[int]  # of the agent's container, by the Job's podFailurePolicy
    claim_name: str | None
    watched: bool  # neither succeeded nor let go

    @property
    def run_uid(self) -> str | None:
        """UID of the run that it was made for, if that can be believed: it is not stopped else."""
        return self.owner_uid or self.made_for


def _time(value: str | None) -> datetime | None:
    return datetime.fromisoformat(value) if value else None


def labels(obj: Object) -> dict[str, str]:
    return obj["metadata"].get("labels") or {}


def owner_uid(obj: Object) -> str | None:
    """UID of the controlling owner."""
    for ref in obj["metadata"].get("ownerReferences", []):
        if ref.get("controller"):
            return str(ref["uid"])
    return None


def condition_is_true(obj: Object, *types: str) -> bool:
    conditions = obj.get("status", {}).get("conditions") or []
    return any(c["type"] in types and c["status"] == "True" for c in conditions)


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
        watched=not _is_let_go(job) and job.get("status", {}).get("succeeded", 0) == 0,
    )


def _is_let_go(obj: Object) -> bool:
    return LABEL_FINISHED in labels(obj)


def _started_at(state: Object) -> datetime | None:
    """None of a container that could not be started, too: its time is null, or that of 1970."""
    started = _time(state.get("startedAt"))
    return started if started is not None and started.timestamp() > 0 else None


def _failed_init(status: Object) -> tuple[str, Object]:
    """Name and end of the init container that failed; nothing if none has."""
    for container in status.get("initContainerStatuses") or []:
        ended: Object = container.get("state", {}).get("terminated") or {}
        if ended.get("exitCode"):
            return container["name"], ended
    return "", {}


def _why(ended: Object) -> str:
    """In the words of the kubelet."""
    return ": ".join(ended[key] for key in ("reason", "message") if ended.get(key))


def pod_facts(pod: Object) -> PodFacts:
    spec, status = pod["spec"], pod.get("status", {})
    containers = status.get("containerStatuses") or []
    everything = (status.get("initContainerStatuses") or []) + containers
    states = [c.get("state", {}) | {"last": c.get("lastState", {})} for c in everything]
    agent: Object = next(
        (c.get("state", {}) for c in containers if c["name"] == AGENT_CONTAINER), {}
    )
    ended: Object = agent.get("terminated") or {}
    waiting: Object = next((s["waiting"] for s in states if "waiting" in s), {})
    unscheduled: Object = next(
        (
            c
            for c in status.get("conditions") or []
            if c["type"] == "PodScheduled" and c["status"] == "False"
        ),
        {},
    )
    others = [c["name"] for c in containers if "running" in c.get("state", {})]
    started_at = _started_at(agent.get("running") or ended)
    failed_init, its_end = _failed_init(status)
    account = read_account(ended.get("message", ""))
    if account is None and failed_init == WORKSPACE_CONTAINER:
        account = read_account(its_end.get("message", ""))
    return PodFacts(
        name=pod["metadata"]["name"],
        uid=pod["metadata"]["uid"],
        run_uid=labels(pod).get(LABEL_RUN_UID),
        phase=status.get("phase", "Pending"),
        created_at=datetime.fromisoformat(pod["metadata"]["creationTimestamp"]),
        reason=status.get("reason", ""),
        message=status.get("message", ""),
        node=spec.get("nodeName"),
        deleting="deletionTimestamp" in pod["metadata"],
        deletion_grace=pod["metadata"].get("deletionGracePeriodSeconds"),
        container_runs=any("running" in s for s in states),
        has_started=any("running" in s or "terminated" in s or s["last"] for s in states),
        unready=any(
            c["type"] == "Ready" and c["status"] == "False" for c in status.get("conditions") or []
        ),
        agent_started_at=started_at,
        deadline=spec.get("activeDeadlineSeconds"),
        grace_seconds=spec.get("terminationGracePeriodSeconds", 30),
        disruption=next(
            (
                c.get("reason") or "Disrupted"
                for c in status.get("conditions") or []
                if c["type"] == "DisruptionTarget" and c["status"] == "True"
            ),
            "",
        ),
        scheduling_message=unscheduled.get("message", ""),
        waiting_reason=waiting.get("reason", ""),
        waiting_message=waiting.get("message", ""),
        lingering=tuple(others) if ended else (),
        init_failure=f"{failed_init} ended with exit code {its_end['exitCode']}" if its_end else "",
        no_start=_why(ended) if started_at is None else "",
        exit_code=ended.get("exitCode"),
        exit_reason=ended.get("reason", ""),
        account=account,
        watched=not _is_let_go(pod) and status.get("phase") != "Succeeded",
    )


_MISSING_CLAIM = re.compile(r'persistentvolumeclaim "([^"]+)" not found')


def missing_claim(pod: PodFacts) -> str | None:
    """The PersistentVolumeClaim for want of which the scheduler finds no node, in its own words."""
    found = _MISSING_CLAIM.search(pod.scheduling_message)
    return found[1] if found else None


def is_foreign(pod: Object, run_name: str) -> bool:
    """Whether the pod was made by the controller of something other than the run's Job.

    Its labels do not tell. A pod without a controller may be ours: --cascade=orphan takes the name
    of its Job off.
    """
    makers = [ref for ref in pod["metadata"].get("ownerReferences") or [] if ref.get("controller")]
    return any((ref["kind"], ref["name"]) != ("Job", run_name) for ref in makers)


def is_of_agent(obj: Object) -> bool:
    """Whether a Job or pod is to run an agent, not a clean-up."""
    return labels(obj).get(LABEL_COMPONENT) == COMPONENT_AGENT


def can_make_pods(job: JobFacts | None, pods: tuple[PodFacts, ...]) -> bool:
    """Whether the run's Job can still make a pod.

    Beside a Job that is gone or finished, it cannot when the Job controller has nothing left to do
    but to count: one pod has succeeded (completions is 1), one has failed with an exit code that
    the podFailurePolicy names as fatal, or more have failed than backoffLimit allows. Evicted pods
    do not count as failures (the podFailurePolicy again). Pods cannot vanish before they are
    counted, they carry the controller's tracking finalizer:
    https://kubernetes.io/docs/concepts/workloads/controllers/job/#job-tracking-with-finalizers
    Knowing this saves the second that the controller takes to batch its own status.
    """
    if job is None or job.finished:
        return False
    if any(pod.phase == "Succeeded" for pod in pods):
        return False
    failed = [pod for pod in pods if pod.phase == "Failed" and not pod.disrupted]
    if any(pod.exit_code in job.fatal_exit_codes for pod in failed):
        return False
    return len(failed) <= job.backoff_limit
