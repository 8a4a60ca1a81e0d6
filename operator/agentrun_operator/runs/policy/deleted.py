"""A run whose record is deleted, once nothing of it is alive."""

from agentrun_kube.names import FINALIZER
from agentrun_kube.vocabulary import Phase, Reason

from ..plan import Plan, RemoveFinalizer
from ..view import View
from .ending import final
from .too_late import ended_by_itself
from .verdict import outcome


def deleted(view: View) -> Plan:
    run = view.run
    if run.holds_thread and run.finished and set(run.metadata.finalizers) - {FINALIZER}:
        # The record stays, for a finalizer of others; the thread is free all the same.
        free = run.status.model_copy(update={"holds_thread": None})
        return Plan(status=free, confirm=True)
    if run.has_finalizer:
        return Plan(actions=(RemoveFinalizer(),), confirm=True)
    if run.finished:
        return Plan()
    # Without our finalizer, only somebody else's keeps the record: say what is so.
    end = outcome(view)
    if end is not None and end.phase is not None:
        return ended_by_itself(view, end)
    message = "The run was stopped because its AgentRun is deleted."
    return Plan(status=final(view, Phase.INTERRUPTED, Reason.INTERRUPTED, message), confirm=True)
