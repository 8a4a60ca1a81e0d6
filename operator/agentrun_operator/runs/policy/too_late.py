"""A run that had ended by itself before the stop reached it."""

from agentrun_kube.vocabulary import Condition, Reason

from ...resources.event import Event
from ..plan import Plan
from ..view import View
from .confirmed import confirmed
from .ending import ended_event, final, finish, with_account
from .outcome import Ending
from .status import set_condition


def ended_by_itself(view: View, end: Ending) -> Plan:
    assert end.phase is not None
    status = with_account(view, final(view, end.phase, end.reason, end.message), end)
    status = confirmed(view, status)
    if view.run.spec.cancel is None:
        return finish(view, status, ended_event(end.phase, end.reason, end.message))
    late = "The run had ended by itself before the signal reached it."
    status = set_condition(
        view, status, Condition.CANCEL_TOO_LATE, True, Reason.CANCEL_TOO_LATE, late
    )
    return finish(view, status, Event("Normal", Reason.CANCEL_TOO_LATE, late))
