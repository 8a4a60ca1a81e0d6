"""How any run ends: its final status, and the last plan of a run whose record stays."""

from datetime import timedelta

from agentrun_kube import defaults
from agentrun_kube.conditions import has_reason
from agentrun_kube.v1alpha1.agent_run import AgentRunStatus
from agentrun_kube.vocabulary import Condition, Phase, Reason, ReclaimPolicy

from ...resources.event import Event
from ..plan import Plan, RemoveFinalizer
from ..view import View
from .outcome import Outcome
from .status import base, with_condition


def final(view: View, phase: Phase, reason: str, message: str) -> AgentRunStatus:
    """The status of a run that has ended. It is settled if nothing is left to do for it."""
    # A GitOps tool would apply the run again, and it would run again.
    ttl = None if view.run.managed_from_git else defaults.ttl_seconds(view.run, view.agent)
    expires_at = None if ttl is None else view.now + timedelta(seconds=ttl)
    reclaims = view.run.spec.reclaim_policy == ReclaimPolicy.DELETE
    status = base(view, phase).model_copy(
        update={
            "finished_at": view.now,
            "holds_thread": None,
            "expires_at": expires_at,
            "settled": True if expires_at is None and not reclaims else None,
        }
    )
    if status.started_at is None:
        never = "No pod of the run started."
        status = with_condition(view, status, Condition.STARTED, False, Reason.NEVER_STARTED, never)
    elif not has_reason(view.run.status.conditions, Condition.STARTED, Reason.AGENT_STARTED):
        ran = f"The agent ran in pod {status.pod_name}."
        status = with_condition(view, status, Condition.STARTED, True, Reason.AGENT_STARTED, ran)
    return with_condition(view, status, Condition.FINISHED, True, reason, message)


def with_report(view: View, status: AgentRunStatus, end: Outcome) -> AgentRunStatus:
    """The status with what the runner reported."""
    report = end.report
    if report is not None:
        status = status.model_copy(
            update={
                "output": report.output,
                "output_truncated": report.output_truncated,
                "checkpoint": report.checkpoint,
                "interrupts": report.interrupts or None,
            }
        )
    if status.interrupts and status.phase == Phase.SUCCEEDED:
        message = (
            "The graph waits for input, see status.interrupts. Answer with spec.resume of another "
            "AgentRun on the thread."
        )
        status = with_condition(
            view, status, Condition.WAITING_FOR_INPUT, True, Reason.INTERRUPT, message
        )
    return status


def ended_event(phase: Phase, reason: str, message: str) -> Event:
    return Event("Normal" if phase == Phase.SUCCEEDED else "Warning", reason, message)


def finish(view: View, status: AgentRunStatus, *events: Event) -> Plan:
    """The last plan of a run that stays: it removes the finalizer, then writes the final phase.

    A crash between the two leaves a run that is still watched and that ends the same way. With
    reclaimPolicy Delete the finalizer stays: the checkpoints go before the record.
    """
    keeps = view.run.spec.reclaim_policy == ReclaimPolicy.DELETE
    actions = (RemoveFinalizer(),) if view.run.has_finalizer and not keeps else ()
    return Plan(actions=actions, status=status, events=events, confirm=True)
