"""What follows when nothing of a run that had to stop is alive: kept, rolled back, or removed."""

from agentrun_kube import defaults
from agentrun_kube.vocabulary import Phase, Reason

from ...resources.event import Event
from ..plan import Plan
from ..view import View
from .confirmed import confirmed
from .deleted import deleted
from .ending import final, finish, with_report
from .outcome import timed_out
from .recorded_outcome import outcome, recorded_outcome
from .rollback import removes_checkpoints, rolling_back
from .too_late import ended_by_itself


def stopped(view: View) -> Plan:
    """Nothing of the run is alive, and its Job can make no more pods."""
    if removes_checkpoints(view.run):
        return rolling_back(view)
    return deleted(view) if view.run.deleting else _interrupted(view)


def retries_were_left(view: View) -> bool:
    """Whether the Job would have started the agent again, had backoffLimit not become 0."""
    fatal = view.own_job.fatal_exit_codes if view.own_job else frozenset()
    failed = [pod for pod in view.seen if pod.phase == "Failed" and not pod.disrupted]
    if failed and failed[-1].uncounted:
        return True  # the Job was suspended, and would have continued when resumed
    fatal_exit = any(pod.exit_code in fatal for pod in failed)
    # The Agent may have changed since, or be gone.
    job = view.own_job
    allowed = defaults.retries(view.run, view.agent) if job is None else job.retries
    return bool(failed) and not fatal_exit and len(failed) <= allowed


def _interrupted(view: View) -> Plan:
    end = outcome(view)
    would_retry = end is not None and end.phase == Phase.FAILED and retries_were_left(view)
    would_retry = would_retry and recorded_outcome(view.run) is None
    if end is not None and end.phase is not None and not would_retry:
        return ended_by_itself(view, end)
    if view.run.spec.cancel is None and view.run.status.cancel is None:
        # Not cancelled: one of its pods, which is gone since, had timed out.
        return ended_by_itself(view, timed_out("too long and was stopped"))
    message = "The run was stopped. Its checkpoints are kept."
    if not view.start_was_seen:
        message = "The run was cancelled; its agent was never seen to start."
    status = final(view, Phase.INTERRUPTED, Reason.INTERRUPTED, message)
    status = confirmed(view, status, forced=end is not None and end.forced)
    if end is not None:
        status = with_report(view, status, end)
    return finish(view, status, Event("Normal", Reason.INTERRUPTED, message))
