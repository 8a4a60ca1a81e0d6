"""What follows when nothing of a run that had to stop is alive: kept, rolled back, or removed."""

from agentrun_kube import defaults
from agentrun_kube.vocabulary import Phase, Reason

from ...resources.event import Event
from ..plan import Plan
from ..view import View
from .confirmed import confirmed
from .deleted import deleted
from .ending import final, finish, with_account
from .outcome import timed_out
from .rollback import removes_checkpoints, rolling_back
from .too_late import ended_by_itself
from .verdict import outcome, recorded


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
        return True  # the Job was suspended, and would have gone on when it was resumed
    hopeless = any(pod.exit_code in fatal for pod in failed)
    # What the Agent says now may be something else, or nothing.
    job = view.own_job
    allowed = defaults.retries(view.run, view.agent) if job is None else job.retries
    return bool(failed) and not hopeless and len(failed) <= allowed


def _interrupted(view: View) -> Plan:
    end = outcome(view)
    would_go_on = end is not None and end.phase == Phase.FAILED and retries_were_left(view)
    would_go_on = would_go_on and recorded(view.run) is None
    if end is not None and end.phase is not None and not would_go_on:
        return ended_by_itself(view, end)
    if view.run.spec.cancel is None and view.run.status.cancel is None:
        # What else had to stop it is that a pod of it, which has gone since, had timed out.
        return ended_by_itself(view, timed_out("too long and was stopped"))
    message = "The run was stopped. Its checkpoints are kept."
    if not view.start_was_seen:
        message = "The run was cancelled; its agent was never seen to start."
    status = final(view, Phase.INTERRUPTED, Reason.INTERRUPTED, message)
    status = confirmed(view, status, forced=end is not None and end.forced)
    if end is not None:
        status = with_account(view, status, end)
    return finish(view, status, Event("Normal", Reason.INTERRUPTED, message))
