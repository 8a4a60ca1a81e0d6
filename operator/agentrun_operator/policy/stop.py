"""A run that is asked to stop: cancelled, or deleted while it lives. The only way to stop a run."""

from datetime import datetime, timedelta

from ..constants import Cancel, Condition, Phase, Reason
from ..facts import UNSTARTED_GRACE, PodFacts
from ..models import AgentRun, AgentRunStatus, CancelStatus
from ..plan import (
    Action,
    Claim,
    CleanUp,
    DeleteJob,
    DeletePod,
    DeleteRun,
    Event,
    ForbidRetries,
    Plan,
    Release,
    StopPod,
)
from . import defaults
from .cleanup import awaits_cleanup
from .outcome import Ending, ending
from .progress import ended_event, finish
from .status import base, final, set_condition, with_account
from .view import View

# How much longer than its grace period a pod may take to end before its kubelet is asked after.
LATE = timedelta(seconds=10)

# Reasons of the condition DisruptionTarget with which a pod ends although its kubelet said nothing:
# https://kubernetes.io/docs/concepts/workloads/pods/disruptions/#pod-disruption-conditions
GIVEN_UP = ("DeletionByPodGC",)


def must_stop(view: View) -> bool:
    """Whether nothing of the run may be alive: cancelled, deleted, or already timed out once."""
    run = view.run
    stopping = run.status.phase == Phase.CANCELLING
    return run.spec.cancel is not None or run.deleting or stopping or _runs_after_timeout(view)


def _runs_after_timeout(view: View) -> bool:
    timed_out = any(pod.timed_out for pod in view.pods)
    return timed_out and bool(view.alive or view.can_make_pods)


def stop(view: View) -> Plan:
    if view.alive or view.can_make_pods or _retry_may_be_under_way(view):
        return _stopping(view)
    if view.run.spec.cancel == Cancel.ROLLBACK or (view.run.deleting and view.run.reclaims):
        return rolling_back(view)
    if view.run.deleting:
        return _deleted(view)
    return _interrupted(view)


def _retry_may_be_under_way(view: View) -> bool:
    """Whether a Job controller that has not yet seen backoffLimit 0 may be making one more pod."""
    job = view.own_job
    return job is not None and not job.finished and _retries_were_left(view)


def _retries_were_left(view: View) -> bool:
    """Whether the Job would have started the agent again, had backoffLimit not become 0."""
    fatal = view.own_job.fatal_exit_codes if view.own_job else frozenset()
    failed = [pod for pod in view.pods if pod.phase == "Failed" and not pod.disrupted]
    hopeless = any(pod.exit_code in fatal for pod in failed)
    allowed = defaults.retries(view.run, view.agent)
    return bool(failed) and not hopeless and len(failed) <= allowed


def _stopping(view: View) -> Plan:
    actions = _stop_actions(view)
    signalled = any(isinstance(a, StopPod) for a in actions) or any(
        pod.has_started and pod.signalled for pod in view.alive
    )
    status = base(view, Phase.CANCELLING)
    status = status.model_copy(update={"cancel": _cancel_status(view, signalled=signalled)})
    reason, message = _why_not_stopped(view)
    status = set_condition(view, status, Condition.STOPPED, False, reason, message)
    old = view.run.status
    is_news = (
        old.phase != Phase.CANCELLING or (old.cancel and old.cancel.action) != view.run.spec.cancel
    )
    events = (Event("Normal", Reason.CANCELLING, _asked(view.run)),) if is_news else ()
    if reason == Reason.NODE_UNREACHABLE and not _said(view, reason):
        events = (*events, Event("Warning", reason, message))
    late_at = _late_at(view)
    return Plan(
        actions=actions,
        status=status,
        events=events,
        look_again_at=None if late_at is None else max(late_at, view.now + LATE / 2),
    )


def _said(view: View, reason: str) -> bool:
    return any(
        c.type == Condition.STOPPED and c.reason == reason for c in view.run.status.conditions
    )


def _late_at(view: View) -> datetime | None:
    """When a pod that was told to stop ought to have ended."""
    cancel = view.run.status.cancel
    asked = view.run.metadata.deletion_timestamp
    if cancel is not None:
        asked = cancel.signalled_at or cancel.requested_at
    if asked is None or not view.alive:
        return None
    return asked + timedelta(seconds=max(pod.grace_seconds for pod in view.alive)) + LATE


def is_late(view: View) -> bool:
    """Whether a pod takes longer to stop than its kubelet would allow it to."""
    late_at = _late_at(view)
    return late_at is not None and view.now >= late_at


def _why_not_stopped(view: View) -> tuple[Reason, str]:
    """What is known, and no more."""
    where = ", ".join(f"{pod.name} on node {pod.node}" for pod in view.alive if pod.node)
    lost = [pod for pod in view.alive if pod.node in view.unreachable_nodes]
    if lost:
        pod = lost[0]
        return Reason.NODE_UNREACHABLE, (
            f"Node {pod.node} does not answer, so nobody knows whether pod {pod.name} still runs. "
            "The run ends when the node is back or the cluster gives the pod up. Only if you are "
            f"sure that the node is off: kubectl delete pod {pod.name} "
            f"-n {view.run.metadata.namespace} --force --grace-period=0"
        )
    if is_late(view):
        return Reason.KUBELET_SILENT, (
            f"The grace period is over, but the kubelet has not reported the end of {where}."
        )
    return Reason.WAITING_FOR_POD, (
        f"Waiting until no process of the run is alive ({where or 'no pod has a node'})."
    )


def _stop_actions(view: View) -> tuple[Action, ...]:
    """The one way to stop: idempotent, and repeated until nothing is left."""
    job = view.own_job
    delete_job: tuple[Action, ...] = ()
    if job is not None and not job.deleting:
        delete_job = (DeleteJob(job.name, job.uid),)
    if not any(pod.has_started for pod in (view.alive or view.pods)):
        # Nothing runs, so nothing need be told to stop. The Job's deletion would give its pods the
        # whole grace period, from which only a container that starts just now could profit.
        return delete_job + tuple(
            _delete(pod)
            for pod in view.alive
            if pod.deletion_grace is None or pod.deletion_grace > UNSTARTED_GRACE
        )
    if not view.alive:
        # An evicted pod does not count against backoffLimit: only without its Job none follows.
        return delete_job if job is not None and job.backoff_limit == 0 else _forbid(view)
    pods = tuple(
        StopPod(pod.name, pod.uid) if pod.has_started else _delete(pod)
        for pod in view.alive
        if not pod.signalled
    )
    return _forbid(view) + pods


def _forbid(view: View) -> tuple[Action, ...]:
    job = view.own_job
    if job is None or job.finished or job.deleting or job.backoff_limit == 0:
        return ()
    return (ForbidRetries(job.name, job.uid),)


def _delete(pod: PodFacts) -> DeletePod:
    return DeletePod(pod.name, pod.uid)


def _cancel_status(
    view: View, *, signalled: bool = False, gone: bool = False, forced: bool = False
) -> CancelStatus | None:
    """What is known of the cancel; None for a run that is deleted without one."""
    spec = view.run.spec
    if spec.cancel is None:
        return None
    old = view.run.status.cancel or CancelStatus()
    by, requested_at = _request(view.run)
    return CancelStatus(
        action=spec.cancel,
        reason=spec.cancel_reason,
        by=by,
        # The server's time moves when the same manager patches anything else.
        requested_at=(old.requested_at if old.action == spec.cancel else None) or requested_at,
        signalled_at=old.signalled_at or (view.now if signalled else None),
        gone_at=old.gone_at or (view.now if gone else None),
        clean_at=old.clean_at,
        checkpoints_deleted=old.checkpoints_deleted,
        forced=forced or old.forced,
    )


def _request(run: AgentRun) -> tuple[str | None, datetime | None]:
    """Manager and time of spec.cancel, from metadata.managedFields: all that the server records."""
    for entry in run.metadata.managed_fields:
        if "f:cancel" in (entry.get("fieldsV1") or {}).get("f:spec", {}):
            return entry.get("manager"), datetime.fromisoformat(entry["time"])
    return None, None


def _asked(run: AgentRun) -> str:
    if run.spec.cancel is None and run.deleting:
        return "The AgentRun is being deleted; its pod is stopped first."
    if run.spec.cancel is None:
        return "The run has timed out; nothing of it may go on."
    by, _ = _request(run)
    reason = f": {run.spec.cancel_reason}" if run.spec.cancel_reason else ""
    return f"{run.spec.cancel} asked for by {by or 'an unknown manager'}{reason}"


def _interrupted(view: View) -> Plan:
    end = ending(view.pods)
    would_go_on = end is not None and end.phase == Phase.FAILED and _retries_were_left(view)
    if end is not None and end.phase is not None and not would_go_on:
        return _ended_by_itself(view, end)
    message = "The run was stopped. Its checkpoints are kept."
    if not view.start_was_seen:
        message = "The run was cancelled; its agent was never seen to start."
    status = final(view, Phase.INTERRUPTED, Reason.INTERRUPTED, message)
    status = _stopped(view, status, forced=end is not None and end.forced)
    if end is not None:
        status = with_account(view, status, end)
    return finish(view, status, Event("Normal", Reason.INTERRUPTED, message))


def _ended_by_itself(view: View, end: Ending) -> Plan:
    assert end.phase is not None
    status = with_account(view, final(view, end.phase, end.reason, end.message), end)
    status = _stopped(view, status)
    if view.run.spec.cancel is None:
        return finish(view, status, ended_event(end.phase, end.reason, end.message))
    late = "The run had ended by itself before the signal reached it."
    status = set_condition(
        view, status, Condition.CANCEL_TOO_LATE, True, Reason.CANCEL_TOO_LATE, late
    )
    return finish(view, status, Event("Normal", Reason.CANCEL_TOO_LATE, late))


def _stopped(view: View, status: AgentRunStatus, *, forced: bool = False) -> AgentRunStatus:
    status = status.model_copy(update={"cancel": _cancel_status(view, gone=True, forced=forced)})
    reason, message = _how_it_is_known(view)
    return set_condition(view, status, Condition.STOPPED, True, reason, message)


def _how_it_is_known(view: View) -> tuple[Reason, str]:
    """By what it is confirmed that nothing of the run is alive."""
    if not view.begun:
        return Reason.NO_POD, "No pod of the run was ever made."
    given_up = [p for p in (*view.pods, *view.departed) if p.disruption in GIVEN_UP]
    if given_up:
        return Reason.POD_GIVEN_UP, (
            f"The cluster gave up pod {given_up[-1].name} ({given_up[-1].disruption}); its node "
            "did not confirm the end."
        )
    if view.pods:
        pod = view.pods[-1]
        return Reason.POD_TERMINATED, f"The kubelet has reported the end of pod {pod.name}."
    return Reason.POD_GONE, "The API server has no pod of the run any more."


def rolling_back(view: View) -> Plan:
    """Nothing of the run is alive: its checkpoints go, and then its record."""
    cleanup = view.cleanup
    if view.namespace_terminating:
        return _deleted(view)  # no pod can be made any more, and the claim goes with the namespace
    if not view.may_have_checkpoints:
        return _removed(view, "The run was rolled back before it started; nothing was made.", 0)
    if cleanup is not None and cleanup.claim_missing and not view.start_was_seen:
        return _removed(view, "The run was rolled back: it never started, and has no store.", 0)
    if not (view.run.claimed or view.run.deleting or view.run.finished):
        return Plan(actions=(Claim(),))  # else a delete would take the record before the clean-up
    if cleanup is not None and cleanup.state == "done":
        count = cleanup.checkpoints
        return _removed(view, f"The run was rolled back: {count} checkpoints deleted.", count)
    end = ending(view.pods)
    phase = view.run.status.phase if view.run.finished else Phase.CANCELLING
    status = _stopped(view, base(view, phase), forced=end is not None and end.forced)
    reason, message = _why_not_clean(view)
    status = set_condition(view, status, Condition.ROLLED_BACK, False, reason, message)
    # The Job may have gone before its claim was ever written down.
    claim = status.claim_name or (view.agent.spec.store.claim_name if view.agent else None)
    if claim is None and not view.start_was_seen:
        return _removed(view, "The run was rolled back; it was never seen to start.", 0)
    status = status.model_copy(update={"claim_name": claim})
    busy = _thread_user(view)
    actions: tuple[Action, ...] = () if claim is None or busy else (CleanUp(claim),)
    events: tuple[Event, ...] = ()
    failed = reason == Reason.CLEANUP_FAILED
    if failed and not any(c.reason == reason for c in view.run.status.conditions):
        events = (Event("Warning", reason, message),)
    return Plan(actions=actions, status=status, events=events, confirm=True)


def _thread_user(view: View) -> AgentRun | None:
    """A run whose pod may use the thread now; one that itself waits for its clean-up has none."""
    return next((r for r in view.rivals if r.claimed and not awaits_cleanup(r)), None)


def _why_not_clean(view: View) -> tuple[Reason, str]:
    cleanup = view.cleanup
    busy = _thread_user(view)
    if busy is not None:
        name = busy.metadata.name
        return Reason.THREAD_BUSY, f"AgentRun {name} uses the thread; the clean-up waits for it."
    if cleanup is None or (cleanup.state == "running" and not cleanup.message):
        return Reason.CLEANUP_PENDING, "The clean-up of the store has not finished."
    if cleanup.state == "running":
        return Reason.CLEANUP_PENDING, f"The clean-up of the store waits: {cleanup.message}"
    return Reason.CLEANUP_FAILED, (
        f"The clean-up of the store failed and is tried again: {cleanup.message}"
    )


def _removed(view: View, message: str, count: int) -> Plan:
    run = view.run
    if run.spec.cancel is None:
        return _deleted(view)
    event = Event("Normal", Reason.ROLLED_BACK, message)
    release: tuple[Action, ...] = (Release(),) if run.claimed else ()
    if run.deleting and release:
        return Plan(actions=release, events=(event,), confirm=True)
    if not run.deleting and not run.managed_from_git:
        return Plan(actions=(*release, DeleteRun()), events=(event,), confirm=True)
    # The record stays, as an empty tombstone: Git would make it again, and it would run again; or
    # somebody else's finalizer holds it.
    return Plan(
        actions=release, status=_tombstone(view, message, count), events=(event,), confirm=True
    )


def _tombstone(view: View, message: str, count: int) -> AgentRunStatus:
    status = final(view, Phase.ROLLED_BACK, Reason.ROLLED_BACK, message)
    status = _stopped(view, status)
    status = set_condition(view, status, Condition.ROLLED_BACK, True, Reason.ROLLED_BACK, message)
    cancel = status.cancel and status.cancel.model_copy(
        update={"clean_at": view.now, "checkpoints_deleted": count}
    )
    return status.model_copy(update={"cancel": cancel, "settled": True, "expires_at": None})


def _deleted(view: View) -> Plan:
    if view.run.claimed:
        return Plan(actions=(Release(),), confirm=True)
    if view.run.finished:
        return Plan()
    # Without our finalizer, only somebody else's keeps the record: say what is so.
    end = ending(view.pods)
    if end is not None and end.phase is not None:
        return _ended_by_itself(view, end)
    message = "The run was stopped because its AgentRun is deleted."
    return Plan(status=final(view, Phase.INTERRUPTED, Reason.INTERRUPTED, message), confirm=True)
