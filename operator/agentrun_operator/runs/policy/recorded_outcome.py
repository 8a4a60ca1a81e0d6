"""The outcome of a run whose Job could continue: recorded before the operator stops the Job.

A pod may have completed without the Job controller counting it (its Job was suspended in the same
moment), and the controller ignores all evictions under node pressure. Then the
operator has to stop the Job, and with the Job go the pods that tell why. So the outcome is first
written into the condition Finished, with status False: a crash, and pods that are gone, do not
hide it.
"""

from agentrun_kube import defaults
from agentrun_kube.v1alpha1.agent_run import AgentRun
from agentrun_kube.vocabulary import Condition, Phase, Reason

from ..plan import Plan
from ..view import View
from .ending import with_report
from .outcome import Outcome, outcome_of_pod, outcome_of_pods
from .status import base, with_condition

_PHASES = {Reason.SUCCEEDED: Phase.SUCCEEDED, Reason.TIMED_OUT: Phase.TIMED_OUT}


def outcome(view: View) -> Outcome | None:
    """How the run ended, as far as is known: as recorded, else by its pods."""
    return recorded_outcome(view.run) or outcome_of_pods(view.seen)


def recorded_outcome(run: AgentRun) -> Outcome | None:
    """The outcome that was recorded before the run's Job was stopped."""
    for condition in run.status.conditions:
        if condition.type == Condition.FINISHED and condition.status == "False":
            phase = _PHASES.get(Reason(condition.reason), Phase.FAILED)
            return Outcome(phase, condition.reason, condition.message)
    return None


def new_outcome(view: View) -> Outcome | None:
    """An outcome that is not recorded yet, of a run whose Job would continue."""
    if recorded_outcome(view.run) is not None or not (view.alive or view.can_make_pods):
        return None
    end = outcome_of_pods(view.seen)
    if end is not None and end.phase == Phase.SUCCEEDED:
        return end
    return _last_eviction(view)


def _last_eviction(view: View) -> Outcome | None:
    """The eviction for what the agent used that took its last retry."""
    failed = [
        pod
        for pod in view.seen
        if pod.phase == "Failed" and not pod.uncounted and (pod.overuse or not pod.disrupted)
    ]
    job = view.own_job
    allowed = defaults.retries(view.run, view.agent) if job is None else job.retries
    if failed and failed[-1].overuse and len(failed) > allowed:
        return outcome_of_pod(failed[-1])
    return None


def record_outcome(view: View, end: Outcome) -> Plan:
    """Record the outcome. With `confirm`, so that a report that was cut is read to its end."""
    status = with_report(view, base(view, Phase.CANCELLING), end)
    status = with_condition(view, status, Condition.FINISHED, False, end.reason, end.message)
    return Plan(status=status, confirm=True)
