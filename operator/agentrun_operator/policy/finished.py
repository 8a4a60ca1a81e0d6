"""A run that has ended, and whose record has something left to do: expire, or reclaim its store."""

from ..constants import Reason, ReclaimPolicy
from ..plan import DeleteRun, Event, Plan, Release
from .stop import stop_actions
from .stopped import rolling_back
from .view import View


def finished(view: View) -> Plan:
    run = view.run
    if view.alive or view.can_make_pods:
        # A request of somebody who has died or slept since may make the Job once more.
        return Plan(actions=stop_actions(view), confirm=True)
    reclaims = run.spec.reclaim_policy == ReclaimPolicy.DELETE
    if run.deleting:
        return rolling_back(view) if run.claimed and reclaims else _release(view)
    if run.claimed and not reclaims:
        return _release(view)
    expires_at = run.status.expires_at
    if expires_at is None:
        return Plan()
    if view.now < expires_at:
        return Plan(look_again_at=expires_at)
    event = Event(
        "Normal", Reason.EXPIRED, "ttlSecondsAfterFinished is over: the record is deleted."
    )
    return Plan(actions=(DeleteRun(),), events=(event,), confirm=True)


def _release(view: View) -> Plan:
    return Plan(actions=(Release(),)) if view.run.claimed else Plan()
