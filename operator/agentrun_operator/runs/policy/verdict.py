"""How a run ends although its Job could go on: known, and written down, before the Job is stopped.

A pod may have completed without the Job controller counting it (its Job was suspended in the same
moment), and the controller ignores evictions under node pressure, whoever caused them. Then the
operator has to stop the Job, and with the Job go the pods that tell why. So the ending is first
written into the condition Finished, with status False: a crash, and pods that are gone, do not
hide it.
"""

from agentrun_kube import defaults
from agentrun_kube.v1alpha1.agent_run import AgentRun
from agentrun_kube.vocabulary import Condition, Phase, Reason

from ..plan import Plan
from ..view import View
from .ending import with_account
from .outcome import Ending, ending, ending_of
from .status import base, set_condition

_PHASES = {Reason.SUCCEEDED: Phase.SUCCEEDED, Reason.TIMED_OUT: Phase.TIMED_OUT}


def outcome(view: View) -> Ending | None:
    """How the run ended, as far as is known: as written down, else by its pods."""
    return recorded(view.run) or ending(view.seen)


def recorded(run: AgentRun) -> Ending | None:
    """The ending that was written down before the run's Job was stopped."""
    for condition in run.status.conditions:
        if condition.type == Condition.FINISHED and condition.status == "False":
            phase = _PHASES.get(Reason(condition.reason), Phase.FAILED)
            return Ending(phase, condition.reason, condition.message)
    return None


def new_verdict(view: View) -> Ending | None:
    """An ending that is not written down yet, of a run whose Job would go on."""
    if recorded(view.run) is not None or not (view.alive or view.can_make_pods):
        return None
    end = ending(view.seen)
    if end is not None and end.phase == Phase.SUCCEEDED:
        return end
    return _last_eviction(view)


def _last_eviction(view: View) -> Ending | None:
    """The eviction for what the agent used that took its last retry."""
    failed = [
        pod
        for pod in view.seen
        if pod.phase == "Failed" and not pod.uncounted and (pod.overuse or not pod.disrupted)
    ]
    job = view.own_job
    allowed = defaults.retries(view.run, view.agent) if job is None else job.retries
    if failed and failed[-1].overuse and len(failed) > allowed:
        return ending_of(failed[-1])
    return None


def record(view: View, end: Ending) -> Plan:
    """Write the ending down. With `confirm`, so that a report that was cut is read to its end."""
    status = with_account(view, base(view, Phase.CANCELLING), end)
    status = set_condition(view, status, Condition.FINISHED, False, end.reason, end.message)
    return Plan(status=status, confirm=True)
