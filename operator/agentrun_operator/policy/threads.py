"""One live run per thread: which run may have a pod.

The finalizer is a run's claim on its thread. A run puts it on only if no other unfinished run of
the thread holds it, and makes its Job only if a read made *after* that, directly from the API
server, shows no other claim. Of two runs that claim at the same time each sees the other's claim,
so none goes on, and the younger gives way.
"""

from datetime import datetime

from ..constants import Cancel, MultitaskStrategy
from ..models import AgentRun
from ..plan import CancelRun
from .cleanup import awaits_cleanup


def order(run: AgentRun) -> tuple[datetime, int, str]:
    """Runs of a thread go in the order of their creation.

    The API server tells it in whole seconds. Within one, resourceVersions tell it: they count the
    changes of all runs, so long as nothing but its creation has changed a run.
    """
    meta = run.metadata
    place = int(meta.resource_version) if run.queued is None else run.queued
    return meta.creation_timestamp, place, meta.name


def blocked_by(run: AgentRun, rivals: tuple[AgentRun, ...]) -> list[AgentRun]:
    """The runs that must end first, oldest first; none if this one may go on."""
    claims = [rival for rival in rivals if rival.claimed]
    ahead = claims or [rival for rival in rivals if not run.claimed and order(rival) < order(run)]
    return sorted(ahead, key=order)


def rejected_by(run: AgentRun, blockers: list[AgentRun]) -> AgentRun | None:
    """The run for which one with multitaskStrategy reject does not wait: it is ahead, and live.

    None is live that has ended, that only has to be cleaned, or that will never start.
    """
    return next((b for b in blockers if is_ahead(b, run) and _is_live(b)), None)


def _is_live(run: AgentRun) -> bool:
    never_starts = run.spec.cancel is not None and not run.claimed
    return not (run.finished or awaits_cleanup(run) or never_starts)


def cancel_rivals(
    run: AgentRun, rivals: tuple[AgentRun, ...], strategy: MultitaskStrategy
) -> tuple[CancelRun, ...]:
    """The cancels that a run's strategy asks for: of all that are ahead of it on the thread.

    Of two that claim at the same time the younger is none of these, else each would cancel the
    other.
    """
    if strategy not in (MultitaskStrategy.INTERRUPT, MultitaskStrategy.ROLLBACK):
        return ()
    wanted = Cancel(strategy)
    reason = f"AgentRun {run.metadata.name} takes the thread (multitaskStrategy: {strategy})"
    return tuple(
        CancelRun(rival.metadata.name, rival.metadata.uid, wanted, reason)
        for rival in sorted(rivals, key=order)
        if not rival.finished
        and is_ahead(rival, run)
        and rival.spec.cancel not in (wanted, Cancel.ROLLBACK)
    )


def is_ahead(rival: AgentRun, run: AgentRun) -> bool:
    """Whether the rival comes first: it has begun, or was created earlier."""
    return rival.status.job_name is not None or order(rival) < order(run)


def must_give_way(run: AgentRun, blocker: AgentRun) -> bool:
    """Whether a run that has claimed, but has no Job, must take its claim back.

    Also for one that only has to be cleaned: it waits until nobody else has the thread.
    """
    return run.claimed and (is_ahead(blocker, run) or awaits_cleanup(blocker))
