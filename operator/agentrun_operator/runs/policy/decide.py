"""What to do about one run. Level-triggered: any state, however it came about, has an answer."""

from ..plan import Plan
from ..view import View
from .finished import finished
from .progress import progress
from .rollback import removes_checkpoints
from .start import start
from .stop import must_stop, stop
from .verdict import new_verdict, record


def decide(view: View) -> Plan:
    """The next step for the run. An empty plan means that there is nothing to do but to wait."""
    run = view.run
    if run.finished:
        return finished(view)
    end = None if removes_checkpoints(view.run) else new_verdict(view)
    if end is not None:
        return record(view, end)
    if must_stop(view):
        return stop(view)
    if view.begun:
        return progress(view)
    return start(view)
