"""Stopping a run that is cancelled, or deleted while it lives. The only way to stop a run."""

from datetime import datetime, timedelta

from agentrun_kube.vocabulary import Condition, Phase, Reason

from ...facts.pods import UNSTARTED_GRACE, PodFacts
from ...resources.event import Event
from ...resources.shorten_job import shorten_job_name
from ..plan import Action, DeleteJob, DeletePod, ForbidRetries, Plan, ShortenStop, StopPod
from ..view import View
from .cancel import cancel_status, stop_message
from .status import base, set_condition, with_condition
from .stopped import retries_were_left, stopped

# How much longer than its grace period a pod may take to end before the operator reads its node.
LATE = timedelta(seconds=10)


def must_stop(view: View) -> bool:
    """Whether nothing of the run may be alive: cancelled, deleted, or already timed out once."""
    run = view.run
    # Also one whose outcome is recorded although its Job would continue: recorded_outcome.py.
    stopping = run.status.phase == Phase.CANCELLING
    return run.spec.cancel is not None or run.deleting or stopping or _runs_after_timeout(view)


def _runs_after_timeout(view: View) -> bool:
    timed_out = any(pod.timed_out for pod in view.pods)
    return timed_out and bool(view.alive or view.can_make_pods)


def stop(view: View) -> Plan:
    if view.alive or view.can_make_pods or _retry_may_be_under_way(view):
        return _stopping(view)
    return stopped(view)


def _retry_may_be_under_way(view: View) -> bool:
    """Whether a Job controller that has not yet seen backoffLimit 0 may be making one more pod."""
    job = view.own_job
    return job is not None and not job.finished and retries_were_left(view)


def _stopping(view: View) -> Plan:
    actions = (*stop_actions(view), *_shorten(view))
    signalled = any(isinstance(a, StopPod) for a in actions) or any(
        pod.has_started and pod.signalled for pod in view.alive
    )
    status = base(view, Phase.CANCELLING)
    status = status.model_copy(update={"cancel": cancel_status(view, signalled=signalled)})
    reason, message = _why_not_stopped(view)
    status, changed = set_condition(view, status, Condition.STOPPED, False, reason, message)
    old = view.run.status
    is_news = (
        old.phase != Phase.CANCELLING or (old.cancel and old.cancel.action) != view.run.spec.cancel
    )
    events = (Event("Normal", Reason.CANCELLING, stop_message(view.run)),) if is_news else ()
    if changed and reason == Reason.NODE_UNREACHABLE:
        events = (*events, Event("Warning", reason, message))
    late_at = _late_at(view)
    return Plan(
        actions=actions,
        status=status,
        events=events,
        # With a Job or a pod that is deleted, a log goes.
        confirm=any(isinstance(action, DeleteJob | DeletePod) for action in actions),
        look_again_at=None if late_at is None else max(late_at, view.now + LATE / 2),
    )


def _late_at(view: View) -> datetime | None:
    """When a pod that was told to stop ought to have ended."""
    cancel = view.run.status.cancel
    asked = view.run.metadata.deletion_timestamp
    if cancel is not None:
        asked = cancel.signalled_at or cancel.requested_at
    if asked is None or not view.alive:
        return None
    return max(_ends_at(pod, asked) for pod in view.alive) + LATE


def _ends_at(pod: PodFacts, asked: datetime) -> datetime:
    """When the kubelet kills what is left of a pod that was told to stop at that time."""
    at = asked + timedelta(seconds=pod.grace_seconds)
    return at if pod.deletion_at is None else min(at, pod.deletion_at)


def is_late(view: View) -> bool:
    """Whether a pod takes longer to stop than its kubelet would allow it to."""
    late_at = _late_at(view)
    return late_at is not None and view.now >= late_at


def _why_not_stopped(view: View) -> tuple[Reason, str]:
    """Why the run counts as alive: what is known, and nothing else."""
    where = ", ".join(f"{pod.name} on node {pod.node}" for pod in view.alive if pod.node)
    lost = [pod for pod in view.alive if pod.node in view.unreachable_nodes]
    if lost:
        pod = lost[0]
        return Reason.NODE_UNREACHABLE, (
            f"Node {pod.node} does not answer, so it is unknown whether pod {pod.name} still runs. "
            "The run ends when the node is back or the cluster gives the pod up. Only if you are "
            f"sure that the node is off: kubectl delete pod {pod.name} "
            f"-n {view.run.metadata.namespace} --force --grace-period=0"
        )
    if is_late(view):
        return Reason.KUBELET_SILENT, (
            f"The grace period is over, but the kubelet has not reported the end of {where}."
        )
    waiting = f"Waiting until no process of the run is alive ({where or 'no pod has a node'})."
    late = [pod for pod in view.alive if came_too_late(view, pod)]
    if not late:
        return Reason.WAITING_FOR_POD, waiting
    if shortened := _shorten(view):
        name = shorten_job_name(view.run, shortened[0].seconds)
        return Reason.WAITING_FOR_POD, (
            f"spec.cancelGracePeriodSeconds came after the stop: Job {name} tells the supervisor "
            f"of pod {shortened[0].pod} to kill the agent {shortened[0].seconds} s later. {waiting}"
        )
    return Reason.WAITING_FOR_POD, (
        "spec.cancelGracePeriodSeconds came after the stop. The kubelet keeps to the grace period "
        "that it began with, and the image of the Agent has no supervisor that could shorten "
        f"it. {waiting}"
    )


def shortening_refused(view: View, answer: str) -> Plan:
    """The plan after the API server has refused the Job that shortens the stop."""
    plan = _stopping(view)
    message = (
        "spec.cancelGracePeriodSeconds came after the stop, and the Job that tells the supervisor "
        f"is not created: {answer} Fix the namespace quota, or what refuses it. The operator keeps "
        "retrying."
    )
    status = plan.status and with_condition(
        view, plan.status, Condition.STOPPED, False, Reason.WAITING_FOR_POD, message
    )
    return Plan(status=status, events=plan.events)


def stop_actions(view: View) -> tuple[Action, ...]:
    """The one way to stop: idempotent, and repeated until nothing is left."""
    job = view.own_job
    delete_job: tuple[Action, ...] = ()
    if job is not None and not job.deleting:
        delete_job = (DeleteJob(job.name, job.uid),)
    if not any(pod.has_started for pod in (view.alive or view.pods)):
        # No container runs, so none needs a signal. The Job's deletion would give its pods the
        # whole grace period, which only a container that starts just now could use.
        return delete_job + _delete_unstarted(view)
    # The Job controller deletes the pods of a suspended Job, and their logs with them. A user who
    # resumes it starts another pod at any backoffLimit: only without the Job does none follow.
    no_more_pods = delete_job if view.suspended else _forbid_retries(view)
    if not view.alive:
        if job is None or job.backoff_limit != 0 or view.suspended:
            return no_more_pods
        # An evicted pod does not count against backoffLimit: only without its Job none follows. One
        # that has failed does, and its Job ends by itself, with pod and log.
        return delete_job if view.can_make_pods else ()
    if all(_is_given_up_by_hand(view, pod) for pod in view.alive):
        return delete_job  # whose controller would keep a pod that no kubelet reports as Failed
    return no_more_pods + tuple(_stop(view, pod) for pod in view.alive if not pod.signalled)


def _delete_unstarted(view: View) -> tuple[Action, ...]:
    return tuple(
        DeletePod(pod.name, pod.uid, UNSTARTED_GRACE)
        for pod in view.alive
        if pod.deletion_grace is None or pod.deletion_grace > UNSTARTED_GRACE
    )


def _stop(view: View, pod: PodFacts) -> Action:
    if not pod.has_started:
        return DeletePod(pod.name, pod.uid, UNSTARTED_GRACE)
    grace = _shorter_grace(view, pod)
    return StopPod(pod.name, pod.uid) if grace is None else DeletePod(pod.name, pod.uid, grace)


def _shorter_grace(view: View, pod: PodFacts) -> int | None:
    """spec.cancelGracePeriodSeconds, if it is shorter than the pod's own grace period."""
    spec = view.run.spec
    grace = spec.cancel_grace_period_seconds if spec.cancel is not None else None
    return grace if grace is not None and grace < pod.grace_seconds else None


def _shorten(view: View) -> tuple[ShortenStop, ...]:
    """The last resort if spec.cancelGracePeriodSeconds came too late for the kubelet."""
    grace = view.run.spec.cancel_grace_period_seconds
    if grace is None:
        return ()
    return tuple(
        ShortenStop(pod.name, pod.uid, grace)
        for pod in view.alive
        if pod.supervised and came_too_late(view, pod) and pod.node not in view.unreachable_nodes
    )


def came_too_late(view: View, pod: PodFacts) -> bool:
    """Whether the pod was told to stop before its grace period was shortened.

    A kubelet that stops a container keeps to the grace period that it began with: it asks the
    container runtime once, and a shorter one does not interrupt that (tried with Kubernetes 1.36).
    """
    grace = _shorter_grace(view, pod)
    given = pod.grace_seconds if pod.deletion_grace is None else pod.deletion_grace
    return grace is not None and pod.signalled and pod.has_started and grace < given


def _is_given_up_by_hand(view: View, pod: PodFacts) -> bool:
    """True if a user force-deleted the pod, as the NodeUnreachable message suggests.

    On a reachable node, wait for the kubelet.
    """
    return pod.deletion_grace == 0 and pod.node in view.unreachable_nodes


def _forbid_retries(view: View) -> tuple[Action, ...]:
    job = view.own_job
    if job is None or job.finished or job.deleting or job.backoff_limit == 0:
        return ()
    return (ForbidRetries(job.name, job.uid),)


def needs_node_status(view: View) -> bool:
    """Whether a decision needs to know if the nodes of the run's pods answer.

    The node controller marks the pods of a silent node as not ready:
    https://kubernetes.io/docs/concepts/architecture/nodes/#node-controller
    """
    if must_stop(view):
        return is_late(view) or any(came_too_late(view, pod) for pod in view.alive)
    return any(pod.agent_running and pod.unready for pod in view.alive)
