"""A run that has ended: its record expires or reclaims its store, its Job leaves the watch."""

from dataclasses import replace

from agentrun_kube.vocabulary import Reason, ReclaimPolicy

from ...facts.jobs import JobFacts
from ...facts.pods import PodFacts
from ...resources.event import Event
from ..plan import DeleteRun, Plan, RemoveFinalizer, Unwatch
from ..view import View
from .rollback import rolling_back
from .stop import stop_actions


def finished(view: View) -> Plan:
    if view.alive or view.can_make_pods:
        # A late create request, of an operator that has died since, may have made the Job again.
        return Plan(actions=stop_actions(view), confirm=True)
    plan = _what_is_left_to_do(view)
    if plan.actions or view.run.deleting:
        return plan  # the garbage collector deletes Job and pods with the record
    return replace(plan, actions=unwatch(view.own_job, view.pods))


def unwatch(job: JobFacts | None, pods: tuple[PodFacts, ...]) -> tuple[Unwatch, ...]:
    """Take a finished run's Job and pods off the watch, so that they cost nothing.

    Those that have succeeded have left it by themselves.
    """
    if job is not None and not job.finished:
        return ()  # until then, its pods show whether it can make another
    jobs = () if job is None or job.deleting or not job.watched else (job,)
    left = tuple(pod for pod in pods if pod.watched and not pod.alive and not pod.deleting)
    return tuple(Unwatch("jobs", job.name, job.uid) for job in jobs) + tuple(
        Unwatch("pods", pod.name, pod.uid) for pod in left
    )


def _what_is_left_to_do(view: View) -> Plan:
    run = view.run
    reclaims = run.spec.reclaim_policy == ReclaimPolicy.DELETE
    if run.deleting:
        return rolling_back(view) if run.has_finalizer and reclaims else _release(view)
    if run.has_finalizer and not reclaims:
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
    return Plan(actions=(RemoveFinalizer(),)) if view.run.has_finalizer else Plan()
