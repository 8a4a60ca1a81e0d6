"""A run that is asked to stop: cancelled, or deleted while it lives. The only way to stop a run."""

from datetime import datetime

from ..constants import Cancel, Condition, Phase, Reason
from ..facts import PodFacts
from ..models import AgentRun, AgentRunStatus, CancelStatus
from ..plan import (
    Action,
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
from .outcome import Ending, ending
from .progress import finish
from .status import base, final, set_condition, with_account
from .view import View


def must_stop(run: AgentRun) -> bool:
    return run.spec.cancel is not None or run.deleting


def stop(view: View) -> Plan:
    if view.alive or view.can_make_pods:
        return _stopping(view)
    if _wants_checkpoints_gone(view.run):
        return _rolling_back(view)
    if view.run.deleting:
        return _deleted(view)
    return _interrupted(view)


def _wants_checkpoints_gone(run: AgentRun) -> bool:
    # A stateless run has a thread of its own, which is gone when the run is.
    return run.spec.cancel == Cancel.ROLLBACK or (run.deleting and run.spec.thread is None)


def _stopping(view: View) -> Plan:
    actions = _stop_actions(view)
    signalled = any(isinstance(a, StopPod) for a in actions) or any(
        pod.has_started and pod.signalled for pod in view.alive
    )
    status = _cancelling(view, signalled=signalled)
    where = ", ".join(f"{p.name} on node {p.node}" for p in view.alive if p.node)
    message = f"Waiting until no process of the run is alive ({where or 'no pod has a node'})."
    status = set_condition(view, status, Condition.STOPPED, False, Reason.WAITING_FOR_POD, message)
    is_news = view.run.status.phase != Phase.CANCELLING or (
        view.run.status.cancel is not None
        and status.cancel is not None
        and view.run.status.cancel.action != status.cancel.action
    )
    events = (Event("Normal", Reason.CANCELLING, _asked(view.run)),) if is_news else ()
    return Plan(actions=actions, status=status, events=events)


def _stop_actions(view: View) -> tuple[Action, ...]:
    """The one way to stop: idempotent, and repeated until nothing is left."""
    job = view.own_job
    delete_job: tuple[Action, ...] = ()
    if job is not None and not job.deleting:
        delete_job = (DeleteJob(job.name, job.uid),)
    if not any(pod.has_started for pod in view.pods):
        # Nothing has run, so there is nothing to keep.
        orphans = view.alive if job is None else ()
        return delete_job + tuple(_delete(pod) for pod in orphans if not pod.deleting)
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


def _cancelling(view: View, *, signalled: bool) -> AgentRunStatus:
    status = base(view, Phase.CANCELLING)
    return status.model_copy(update={"cancel": _cancel_status(view, signalled=signalled)})


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
        requested_at=requested_at,
        signalled_at=old.signalled_at or (view.now if signalled else None),
        gone_at=old.gone_at or (view.now if gone else None),
        forced=forced or old.forced,
    )


def _request(run: AgentRun) -> tuple[str | None, datetime | None]:
    """Manager and time of spec.cancel, from metadata.managedFields: all that the server records."""
    for entry in run.metadata.managed_fields:
        if "f:cancel" in (entry.get("fieldsV1") or {}).get("f:spec", {}):
            return entry.get("manager"), datetime.fromisoformat(entry["time"])
    return None, None


def _asked(run: AgentRun) -> str:
    if run.spec.cancel is None:
        return "The AgentRun is being deleted; its pod is stopped first."
    by, _ = _request(run)
    reason = f": {run.spec.cancel_reason}" if run.spec.cancel_reason else ""
    return f"{run.spec.cancel} asked for by {by or 'an unknown manager'}{reason}"


def _interrupted(view: View) -> Plan:
    end = ending(view.pods)
    if end is not None and end.phase is not None:
        return _too_late(view, end)
    message = "The run was stopped. Its checkpoints are kept."
    if not view.may_have_checkpoints:
        message = "The run was cancelled before its agent started."
    status = final(view, Phase.INTERRUPTED, Reason.INTERRUPTED, message)
    status = _stopped(view, status, forced=end is not None and end.forced)
    if end is not None:
        status = with_account(status, end)
    return finish(view, status, Event("Normal", Reason.INTERRUPTED, message))


def _too_late(view: View, end: Ending) -> Plan:
    assert end.phase is not None
    late = "The run had ended by itself before the signal reached it."
    status = with_account(final(view, end.phase, end.reason, end.message), end)
    status = _stopped(view, status)
    status = set_condition(
        view, status, Condition.CANCEL_TOO_LATE, True, Reason.CANCEL_TOO_LATE, late
    )
    return finish(view, status, Event("Normal", Reason.CANCEL_TOO_LATE, late))


def _stopped(view: View, status: AgentRunStatus, *, forced: bool = False) -> AgentRunStatus:
    status = status.model_copy(update={"cancel": _cancel_status(view, gone=True, forced=forced)})
    message = "No process of the run is alive, and none can come."
    return set_condition(view, status, Condition.STOPPED, True, Reason.POD_GONE, message)


def _rolling_back(view: View) -> Plan:
    cleanup = view.cleanup
    if view.namespace_terminating:
        return _deleted(view)  # no pod can be made any more, and the claim goes with the namespace
    if not view.may_have_checkpoints:
        return _removed(view, "The run was rolled back before it started; nothing was made.")
    if cleanup is not None and cleanup.state == "done":
        return _removed(
            view, f"The run was rolled back: {cleanup.checkpoints} checkpoints deleted."
        )
    end = ending(view.pods)
    status = _stopped(view, base(view, Phase.CANCELLING), forced=end is not None and end.forced)
    reason, message = Reason.CLEANUP_PENDING, "The clean-up of the store has not finished."
    if cleanup is not None and cleanup.state == "failed":
        reason = Reason.CLEANUP_FAILED
        message = f"The clean-up of the store failed and is tried again: {cleanup.message}"
    status = set_condition(view, status, Condition.ROLLED_BACK, False, reason, message)
    claim = status.claim_name or (view.agent.spec.store.claim_name if view.agent else None)
    actions: tuple[Action, ...] = () if claim is None else (CleanUp(claim),)
    return Plan(actions=actions, status=status, confirm=True)


def _removed(view: View, message: str) -> Plan:
    if view.run.spec.cancel is None:
        return _deleted(view)
    actions: list[Action] = [Release()] if view.run.claimed else []
    if not view.run.deleting:
        actions.append(DeleteRun())
    status = None
    if not actions:  # somebody else's finalizer keeps the record
        status = final(view, Phase.ROLLED_BACK, Reason.ROLLED_BACK, message)
    event = Event("Normal", Reason.ROLLED_BACK, message)
    return Plan(actions=tuple(actions), status=status, events=(event,), confirm=True)


def _deleted(view: View) -> Plan:
    if view.run.claimed:
        return Plan(actions=(Release(),), confirm=True)
    # Without our finalizer, only somebody else's keeps the record: say what is so.
    message = "The run was stopped because its AgentRun is deleted."
    return Plan(status=final(view, Phase.INTERRUPTED, Reason.INTERRUPTED, message), confirm=True)
