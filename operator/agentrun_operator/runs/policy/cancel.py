"""What is known of a cancel: its requester, its time, and its progress."""

from datetime import datetime

from agentrun_kube.text import clean
from agentrun_kube.v1alpha1.agent_run import AgentRun, CancelStatus

from ..view import View


def cancel_status(
    view: View, *, signalled: bool = False, gone: bool = False, forced: bool = False
) -> CancelStatus | None:
    """What is known of the cancel; None for a run that is deleted without one."""
    spec = view.run.spec
    if spec.cancel is None:
        return None
    old = view.run.status.cancel or CancelStatus()
    by, requested_at = _request(view.run)
    if old.action == spec.cancel:
        # Other managers may own the field later, and their times change with each of their patches.
        by, requested_at = old.by or by, old.requested_at or requested_at
    return CancelStatus(
        action=spec.cancel,
        reason=None if spec.cancel_reason is None else clean(spec.cancel_reason),
        by=by,
        requested_at=requested_at,
        signalled_at=old.signalled_at or (view.now if signalled else None),
        gone_at=old.gone_at or (view.now if gone else None),
        clean_at=old.clean_at,
        checkpoints_deleted=old.checkpoints_deleted,
        forced=forced or old.forced,
    )


def _request(run: AgentRun) -> tuple[str | None, datetime | None]:
    """Manager and time of spec.cancel, from metadata.managedFields: all that the server records.

    A manager that applied the same value later has no time, and was not the first.
    """
    owners = [
        entry
        for entry in run.metadata.managed_fields
        if "f:cancel" in (entry.get("fieldsV1") or {}).get("f:spec", {})
    ]
    first = min(owners, key=lambda entry: entry.get("time", "never"), default={})
    time = first.get("time")
    return first.get("manager"), datetime.fromisoformat(time) if time else None


def stop_message(run: AgentRun) -> str:
    if run.spec.cancel is None and run.deleting:
        return "The AgentRun is being deleted; its pod is stopped first."
    if run.spec.cancel is None:
        return "The run has ended or timed out; what is left of it is stopped."
    by, _ = _request(run)
    reason = f": {run.spec.cancel_reason}" if run.spec.cancel_reason else ""
    return f"{run.spec.cancel} requested by {by or 'an unknown manager'}{reason}"
