"""One live run per thread: which run may have a pod.

The finalizer is a run's claim on its thread. A run puts it on only if no other unfinished run of
the thread holds it, and makes its Job only if a read made *after* that, directly from the API
server, shows no other claim. Of two runs that claim at the same time each sees the other's claim,
so none goes on, and the younger gives way.
"""

from datetime import datetime

from ..models import AgentRun


def order(run: AgentRun) -> tuple[datetime, str]:
    """Runs of a thread go in the order of their creation (whole seconds), then by name."""
    return run.metadata.creation_timestamp, run.metadata.name


def blocked_by(run: AgentRun, rivals: tuple[AgentRun, ...]) -> AgentRun | None:
    """The run that must end first; None if this one may go on."""
    claims = [rival for rival in rivals if rival.claimed]
    ahead = claims or [rival for rival in rivals if not run.claimed and order(rival) < order(run)]
    return min(ahead, key=order, default=None)


def must_give_way(run: AgentRun, blocker: AgentRun) -> bool:
    """Whether a run that has claimed, but has no Job, must take its claim back."""
    return run.claimed and order(run) > order(blocker)
