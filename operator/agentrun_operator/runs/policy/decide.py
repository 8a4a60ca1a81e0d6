"""What to do about one run. Level-triggered: any state, however it came about, has an answer."""

from ..plan import Plan
from ..view import View
from .finished import finished
from .progress import progress
from .recorded_outcome import new_outcome, record_outcome
from .rollback import removes_checkpoints
from .start import start
from .stop import must_stop, stop


def decide(view: View) -> Plan:
    """The next step for the run. An empty plan means that there is nothing to do but to wait."""
    if view.run.finished:
        return finished(view)
    end = None if removes_checkpoints(view.run) else new_outcome(view)
    if end is not None:
        return record_outcome(view, end)
    if must_stop(view):
        return stop(view)
    return start(view) if is_start(view) else progress(view)


def is_start(view: View) -> bool:
    """Whether the decision is about a start, which needs the run and its Agent in full."""
    return not (view.run.finished or must_stop(view) or view.begun)
