"""What decisions need to know of pods, read out of the raw objects.

``PodFacts.alive`` is the root of every final phase: a pod counts as alive until the kubelet has
reported that no container of it is left, or the object is gone. The report is the phase Succeeded
or Failed, with containers that have ended.
"""

import re
from dataclasses import dataclass
from datetime import datetime, timedelta

from agentrun_kube.names import (
    AGENT_CONTAINER,
    ANNOTATION_RUNNER,
    LABEL_INSTANCE,
    LABEL_RUN_UID,
    WORKSPACE_CONTAINER,
)
from agentrun_kube.objects import Object
from agentrun_kube.termination_report import TerminationReport, read_report
from agentrun_kube.text import clean

from .evictions import overuse
from .objects import is_unwatched, labels, owner_uid, time_of

# The kubelet stops a pod whose activeDeadlineSeconds are over; 1 is the smallest that is allowed.
STOP_DEADLINE = 1
DEADLINE_EXCEEDED = "DeadlineExceeded"
TRACKING_FINALIZER = "batch.kubernetes.io/job-tracking"
# Bytes of a quoted text within a message, so that the fix still fits.
QUOTED = 512
# The grace period, in seconds, of a pod in which no container has started. One may start just now,
# and the kernel drops a SIGTERM to a PID 1 that has not installed its handler yet.
UNSTARTED_GRACE = 2
# How long a pod usually takes from its creation to its first container.
USUAL_START = timedelta(seconds=15)


@dataclass(frozen=True)
class PodFacts:
    name: str
    uid: str
    run_uid: str | None  # by its label, user-writable
    instance: str | None  # of the operator that made it, by its label
    job_uid: str | None  # of its controlling owner; None of one that was orphaned, too
    phase: str
    created_at: datetime
    reason: str  # status.reason, for example DeadlineExceeded or Evicted
    message: str
    node: str | None
    deleting: bool
    deletion_grace: int | None  # metadata.deletionGracePeriodSeconds, if it is being deleted
    deletion_at: datetime | None  # when that grace period ends
    tracked: bool  # the Job controller has yet to count its end
    has_started: bool  # some container, init containers too, runs or has run
    container_runs: bool  # as far as its kubelet has said
    agent_started_at: datetime | None
    unready: bool  # by its kubelet, or by the node controller if the kubelet does not answer
    deadline: int | None  # spec.activeDeadlineSeconds
    grace_seconds: int  # spec.terminationGracePeriodSeconds
    disruption: str  # reason of DisruptionTarget (evicted, preempted, drained, node lost), or empty
    overuse: str  # the kubelet's message, if it evicted the pod for what the agent used; else empty
    scheduler: str  # spec.schedulerName
    scheduler_looked: bool  # some scheduler has said something about it
    scheduling_message: str  # why it has no node; empty if it has
    waiting_reason: str  # of the first container that waits, for example ImagePullBackOff
    waiting_message: str
    lingering: tuple[str, ...]  # containers that still run although the agent's has ended
    init_failure: str  # which init container ended with which exit code; empty if none failed
    no_start: str  # why the agent's container ended whose start its kubelet never saw; else empty
    exit_code: int | None  # of the agent's container
    exit_reason: str  # of the agent's container, for example OOMKilled
    supervised: bool  # the agent's container has our runner as PID 1
    report: (
        TerminationReport | None
    )  # of the runner, as PID 1 or as the container that makes the workspace
    report_cut: bool  # the kubelet cut the agent's termination report, and its log was not read yet
    watched: bool  # neither succeeded nor labelled as finished

    @property
    def alive(self) -> bool:
        # A kubelet that has just restarted first writes the phase, and a second later how the
        # containers ended (seen with Kubernetes 1.36): only the second write has the report.
        if self.phase == "Failed" and self.container_runs and not self.disruption:
            return True
        return self.phase not in ("Succeeded", "Failed")

    @property
    def signalled(self) -> bool:
        """Whether the kubelet has to stop it: it is deleted, or its deadline was lowered."""
        return self.deleting or (self.deadline is not None and self.deadline <= STOP_DEADLINE)

    @property
    def timed_out(self) -> bool:
        """Whether the kubelet stopped it at its deadline, which the operator had not lowered."""
        return self.reason == DEADLINE_EXCEEDED and (self.deadline or 0) > STOP_DEADLINE

    @property
    def disrupted(self) -> bool:
        return bool(self.disruption)

    @property
    def uncounted(self) -> bool:
        """Whether the Job controller deletes the pod and never counts how it ends.

        It does so with the pods of a Job that is suspended, and takes its finalizer off first.
        """
        return self.deleting and not self.tracked

    @property
    def agent_running(self) -> bool:
        return self.alive and self.agent_started_at is not None


def _started_at(state: Object) -> datetime | None:
    """None of a container that could not be started, too: its time is null, or that of 1970."""
    started = time_of(state.get("startedAt"))
    return started if started is not None and started.timestamp() > 0 else None


def _failed_init(status: Object) -> tuple[str, Object]:
    """Name and end of the init container that failed; nothing if none has."""
    for container in status.get("initContainerStatuses") or []:
        ended: Object = container.get("state", {}).get("terminated") or {}
        if ended.get("exitCode"):
            return container["name"], ended
    return "", {}


def _why(ended: Object) -> str:
    """Reason and message, as the kubelet reports them."""
    told = ": ".join(ended[key] for key in ("reason", "message") if ended.get(key))
    return clean(told, QUOTED)


def _has_runner(pod: Object) -> bool:
    """Whether the agent's container has our runner as PID 1, whose termination report counts."""
    return (pod["metadata"].get("annotations") or {}).get(ANNOTATION_RUNNER) == "true"


def pod_facts(pod: Object, log: str | None = None) -> PodFacts:
    """``log``: the last lines of the agent's log, if they were read; empty if they are gone."""
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
    disruption = next(
        (
            c.get("reason") or "Disrupted"
            for c in status.get("conditions") or []
            if c["type"] == "DisruptionTarget" and c["status"] == "True"
        ),
        "",
    )
    report, cut = None, False
    if _has_runner(pod):
        report, cut = read_report(ended.get("message", ""), log)
    if report is None and failed_init == WORKSPACE_CONTAINER:
        report, _ = read_report(its_end.get("message", ""), "")
    return PodFacts(
        name=pod["metadata"]["name"],
        uid=pod["metadata"]["uid"],
        run_uid=labels(pod).get(LABEL_RUN_UID),
        instance=labels(pod).get(LABEL_INSTANCE),
        job_uid=owner_uid(pod),
        phase=status.get("phase", "Pending"),
        created_at=datetime.fromisoformat(pod["metadata"]["creationTimestamp"]),
        reason=status.get("reason", ""),
        message=clean(status.get("message", ""), QUOTED),
        node=spec.get("nodeName"),
        deleting="deletionTimestamp" in pod["metadata"],
        deletion_grace=pod["metadata"].get("deletionGracePeriodSeconds"),
        deletion_at=time_of(pod["metadata"].get("deletionTimestamp")),
        tracked=TRACKING_FINALIZER in (pod["metadata"].get("finalizers") or []),
        container_runs=any("running" in s for s in states),
        has_started=any("running" in s or "terminated" in s or s["last"] for s in states),
        unready=any(
            c["type"] == "Ready" and c["status"] == "False" for c in status.get("conditions") or []
        ),
        agent_started_at=started_at,
        deadline=spec.get("activeDeadlineSeconds"),
        grace_seconds=spec.get("terminationGracePeriodSeconds", 30),
        disruption=disruption,
        overuse=overuse(status, disruption, AGENT_CONTAINER),
        scheduler=spec.get("schedulerName", ""),
        scheduler_looked=any(c["type"] == "PodScheduled" for c in status.get("conditions") or []),
        scheduling_message=clean(unscheduled.get("message", ""), QUOTED),
        waiting_reason=waiting.get("reason", ""),
        waiting_message=clean(waiting.get("message", ""), QUOTED),
        lingering=tuple(others) if ended else (),
        init_failure=f"{failed_init} ended with exit code {its_end['exitCode']}" if its_end else "",
        no_start=_why(ended) if started_at is None else "",
        exit_code=ended.get("exitCode"),
        exit_reason=ended.get("reason", ""),
        supervised=_has_runner(pod),
        report=report,
        report_cut=cut,
        watched=not is_unwatched(pod) and status.get("phase") != "Succeeded",
    )


_MISSING_CLAIM = re.compile(r'persistentvolumeclaim "([^"]+)" not found')


def missing_claim(pod: PodFacts) -> str | None:
    """The missing PersistentVolumeClaim that the scheduler's message names, if any."""
    found = _MISSING_CLAIM.search(pod.scheduling_message)
    return found[1] if found else None
