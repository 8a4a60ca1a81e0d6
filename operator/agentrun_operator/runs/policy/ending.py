"""How any run ends: its final status, and the last plan of a run whose record stays."""

from datetime import timedelta

from agentrun_kube import defaults
from agentrun_kube.v1alpha1.agent_run import AgentRunStatus
from agentrun_kube.vocabulary import Condition, Phase, Reason, ReclaimPolicy

from ...resources.event import Event
from ..plan import Plan, RemoveFinalizer
from ..view import View
from .outcome import Ending
from .status import base, said, set_condition


def final(view: View, phase: Phase, reason: str, message: str) -> AgentRunStatus:
    """The status of a run that has ended. It is settled if there is nothing left to do for it."""
    # What is managed from Git would be applied, and run, again.
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
        status = set_condition(view, status, Condition.STARTED, False, Reason.NEVER_STARTED, never)
    elif not said(view, Condition.STARTED, Reason.AGENT_STARTED):
        ran = f"The agent ran in pod {status.pod_name}."
        status = set_condition(view, status, Condition.STARTED, True, Reason.AGENT_STARTED, ran)
    return set_condition(view, status, Condition.FINISHED, True, reason, message)


def with_account(view: View, status: AgentRunStatus, ending: Ending) -> AgentRunStatus:
    """The status with what the runner left as its account."""
    account = ending.account
    if account is not None:
        status = status.model_copy(
            update={
                "output": account.output,
                "output_truncated": account.output_truncated,
                "checkpoint": account.checkpoint,
                "interrupts": account.interrupts or None,
            }
        )
    if status.interrupts and status.phase == Phase.SUCCEEDED:
        message = (
            "The graph asks for input, see status.interrupts. Answer with spec.resume of another "
            "AgentRun on the thread."
        )
        status = set_condition(
            view, status, Condition.WAITING_FOR_INPUT, True, Reason.INTERRUPT, message
        )
    return status


def ended_event(phase: Phase, reason: str, message: str) -> Event:
    return Event("Normal" if phase == Phase.SUCCEEDED else "Warning", reason, message)


def finish(view: View, status: AgentRunStatus, *events: Event) -> Plan:
    """The last plan of a run that stays: the guard goes first, the final phase is the last write.

    A crash between the two leaves a run that is still watched and that ends the same way. With
    reclaimPolicy Delete the guard stays: deleting the record has to clean the store first.
    """
    keeps = view.run.spec.reclaim_policy == ReclaimPolicy.DELETE
    actions = (RemoveFinalizer(),) if view.run.has_finalizer and not keeps else ()
    return Plan(actions=actions, status=status, events=events, confirm=True)
