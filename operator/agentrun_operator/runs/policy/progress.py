"""A run that has begun and that is not being stopped."""

from dataclasses import replace

from agentrun_kube.vocabulary import Condition, Phase, Reason

from ...facts.pods import USUAL_START, PodFacts, missing_claim
from ...resources.event import Event
from ..plan import AddFinalizer, Plan
from ..view import View
from .ending import ended_event, final, finish, with_report
from .outcome import KEPT, Outcome, timed_out
from .recorded_outcome import outcome
from .status import base, set_condition, waiting, with_condition
from .suspended import being_suspended, is_preempted, suspended


def progress(view: View) -> Plan:
    if view.alive or view.can_make_pods:
        if not view.run.has_finalizer:  # a user removed it; the run must outlive its pod
            return Plan(actions=(AddFinalizer(),))
        return _live(view)
    if view.run.status.job_uid is None and view.own_job is not None:
        # Record the Job before the finalizer goes: without its UID in the status, a crash and a Job
        # that a user deletes would look like a run that never started.
        return Plan(status=base(view, Phase.RUNNING))
    return _ended(view)


def _live(view: View) -> Plan:
    if not view.alive:
        return _between_pods(view)
    pod = view.alive[-1]
    if pod.agent_running:
        return _running(view, pod)
    return _pending(view, pod)


def _running(view: View, pod: PodFacts) -> Plan:
    if pod.node in view.unreachable_nodes:
        return _out_of_sight(view, pod)
    if is_preempted(view, pod):
        return being_suspended(view, pod)
    if pod.lingering:
        return _lingering(view, pod)
    status = base(view, Phase.RUNNING)
    message = f"The agent runs in pod {pod.name} on node {pod.node}."
    status = with_condition(view, status, Condition.STARTED, True, Reason.AGENT_STARTED, message)
    is_news = view.run.status.pod_name != pod.name or view.run.status.phase != Phase.RUNNING
    events = (Event("Normal", Reason.AGENT_STARTED, message),) if is_news else ()
    return Plan(status=status, events=events)


def _lingering(view: View, pod: PodFacts) -> Plan:
    message = (
        f"The agent has ended, but pod {pod.name} has not: {', '.join(pod.lingering)} still runs. "
        "The run ends when it does. In spec.podTemplate of Agent "
        f"{view.run.spec.agent_ref.name}, make it a sidecar: one of initContainers with "
        "restartPolicy Always."
    )
    return _running_with_warning(view, Reason.POD_LINGERS, message)


def _out_of_sight(view: View, pod: PodFacts) -> Plan:
    message = (
        f"Node {pod.node} does not answer, so it is unknown whether the agent still runs in pod "
        f"{pod.name}. The kubelet reports it when the node is back; if the cluster evicts the pod, "
        "the next pod resumes from the last checkpoint."
    )
    return _running_with_warning(view, Reason.NODE_UNREACHABLE, message)


def _running_with_warning(view: View, reason: Reason, message: str) -> Plan:
    """The run is Running, with a warning in its condition Started."""
    status = base(view, Phase.RUNNING)
    status, is_news = set_condition(view, status, Condition.STARTED, True, reason, message)
    return Plan(status=status, events=(Event("Warning", reason, message),) if is_news else ())


def _between_pods(view: View) -> Plan:
    plan = _without_pod(view)
    # Its pod may have succeeded: then it is not among those that are watched.
    return replace(plan, confirm=plan.status is not None)


def _without_pod(view: View) -> Plan:
    if view.suspended:
        return suspended(view)
    if not view.pods:
        return _no_pod_yet(view)
    last = view.pods[-1]
    what = f"was disrupted ({last.disruption})" if last.disrupted else "failed"
    if is_preempted(view, last):
        what = "was stopped because its Job was suspended"
    if last.overuse:
        what = f"was evicted for what the agent used ({last.overuse})"
    message = f"Pod {last.name} {what}; the next one resumes from its last checkpoint."
    return waiting(view, Reason.RETRYING, message)


def _no_pod_yet(view: View) -> Plan:
    """A Job without a pod: made a moment ago, or its pods are refused, which only Events tell."""
    job = view.own_job
    if job is None:
        return Plan()
    since = max(job.created_at, job.started_at or job.created_at)  # resumed at, if it was suspended
    if view.now < since + USUAL_START:
        return Plan(look_again_at=since + USUAL_START)
    message = (
        f"No pod of Job {job.name} could be made; kubectl describe job {job.name} says why. Check "
        f"spec.podTemplate of Agent {view.run.spec.agent_ref.name}, and the quota, the LimitRanges "
        "and the Pod Security of the namespace."
    )
    return waiting(view, Reason.POD_REJECTED, message)


def _preparing(view: View, pod: PodFacts) -> Plan:
    """A pod without a container yet; a warning only if that takes unusually long."""
    if view.now < pod.created_at + USUAL_START:
        return Plan(look_again_at=pod.created_at + USUAL_START)
    if pod.node is None and not pod.scheduler_looked:
        message = (
            f"No scheduler has looked at pod {pod.name} (spec.schedulerName: {pod.scheduler}). "
            "Check spec.podTemplate.spec.schedulerName of Agent "
            f"{view.run.spec.agent_ref.name}, and that this scheduler runs."
        )
        return waiting(view, Reason.SCHEDULER_SILENT, message)
    message = (
        f"Pod {pod.name} takes long to prepare; kubectl describe pod {pod.name} says why. Check "
        "spec.code.configMap.name and the volumes of spec.podTemplate of Agent "
        f"{view.run.spec.agent_ref.name}."
    )
    return waiting(view, Reason.POD_PREPARING, message)


PULL_REASONS = ("ErrImagePull", "ImagePullBackOff", "InvalidImageName", "ErrImageNeverPull")
REJECT_REASONS = ("CreateContainerConfigError", "CreateContainerError", "RunContainerError")


def _pending(view: View, pod: PodFacts) -> Plan:
    """Why the pod does not run yet; the message names the field to fix."""
    agent = view.run.spec.agent_ref.name
    if view.suspended:
        return suspended(view)
    if pod.scheduling_message:
        missing = missing_claim(pod)
        if missing:
            message = (
                f"spec.store.claimName of Agent {agent}: there is no PersistentVolumeClaim "
                f"{missing} in namespace {view.run.metadata.namespace}. The run starts when it "
                "is created."
            )
            return waiting(view, Reason.CLAIM_NOT_FOUND, message)
        message = f"Pod {pod.name} cannot be scheduled: {pod.scheduling_message}"
        return waiting(view, Reason.UNSCHEDULABLE, message)
    if pod.waiting_reason in PULL_REASONS:
        message = (
            f"spec.image of Agent {agent}: the image cannot be pulled ({pod.waiting_reason}: "
            f"{pod.waiting_message}). The run starts when it can."
        )
        return waiting(view, Reason.IMAGE_PULL_FAILED, message)
    if pod.waiting_reason in REJECT_REASONS:
        message = (
            f"The kubelet cannot make the container of pod {pod.name} ({pod.waiting_reason}: "
            f"{pod.waiting_message}). Check spec.env, spec.envFrom and spec.podTemplate of Agent "
            f"{agent}."
        )
        return waiting(view, Reason.CONTAINER_REJECTED, message)
    return Plan() if pod.has_started else _preparing(view, pod)


def _ended(view: View) -> Plan:
    end = outcome(view)
    if end is None or end.phase is None:
        end = _ended_from_outside(view, end)
    assert end.phase is not None
    status = with_report(view, final(view, end.phase, end.reason, end.message), end)
    return finish(view, status, ended_event(end.phase, end.reason, end.message))


def _ended_from_outside(view: View, end: Outcome | None) -> Outcome:
    """The pod was stopped or is gone, although the run is not cancelled."""
    report = end.report if end else None
    if view.own_job is not None and view.own_job.deadline_exceeded:
        return timed_out("too long, and its Job has ended it", report)
    if view.own_job is not None:
        message = f"The run's pod was stopped or deleted, but spec.cancel is not set. {KEPT}"
        return Outcome(Phase.FAILED, Reason.STOPPED_FROM_OUTSIDE, message, report)
    message = f"A client other than the operator deleted the run's Job. {KEPT}"
    return Outcome(Phase.FAILED, Reason.JOB_LOST, message, report)
