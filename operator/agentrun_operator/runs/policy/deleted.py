"""A run whose record is deleted, once nothing of it is alive."""

from agentrun_kube.names import FINALIZER
from agentrun_kube.vocabulary import Phase, Reason

from ..plan import Plan, RemoveFinalizer
from ..view import View
from .ending import final
from .recorded_outcome import outcome
from .too_late import ended_by_itself


def deleted(view: View) -> Plan:
    run = view.run
    if run.holds_thread and run.finished and set(run.metadata.finalizers) - {FINALIZER}:
        # Another controller's finalizer keeps the record; the thread is free all the same.
        free = run.status.model_copy(update={"holds_thread": None})
        return Plan(status=free, confirm=True)
    if run.has_finalizer:
        return Plan(actions=(RemoveFinalizer(),), confirm=True)
    if run.finished:
        return Plan()
    # Without our finalizer, only another controller's keeps the record: it gets its final status.
    end = outcome(view)
    if end is not None and end.phase is not None:
        return ended_by_itself(view, end)
    message = "The run was stopped because its AgentRun is deleted."
    return Plan(status=final(view, Phase.INTERRUPTED, Reason.INTERRUPTED, message), confirm=True)
