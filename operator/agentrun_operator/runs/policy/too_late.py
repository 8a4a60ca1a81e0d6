"""A run that had ended by itself before the stop reached it."""

from agentrun_kube.vocabulary import Condition, Reason

from ...resources.event import Event
from ..plan import Plan
from ..view import View
from .confirmed import confirmed
from .ending import ended_event, final, finish, with_report
from .outcome import Outcome
from .status import with_condition


def ended_by_itself(view: View, end: Outcome) -> Plan:
    assert end.phase is not None
    status = with_report(view, final(view, end.phase, end.reason, end.message), end)
    status = confirmed(view, status)
    if view.run.spec.cancel is None:
        return finish(view, status, ended_event(end.phase, end.reason, end.message))
    late = "The run had ended by itself before the signal reached it."
    status = with_condition(
        view, status, Condition.CANCEL_TOO_LATE, True, Reason.CANCEL_TOO_LATE, late
    )
    return finish(view, status, Event("Normal", Reason.CANCEL_TOO_LATE, late))
