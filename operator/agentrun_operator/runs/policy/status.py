"""Building the next status of a run from the last one."""

from agentrun_kube.text import clean
from agentrun_kube.v1alpha1.agent_run import AgentRunStatus
from agentrun_kube.v1alpha1.base import ConditionStatus
from agentrun_kube.vocabulary import Condition, Phase, Reason

from ...resources.event import Event
from ..plan import Plan
from ..view import View


def set_condition(
    view: View, status: AgentRunStatus, kind: Condition, value: bool, reason: str, message: str
) -> AgentRunStatus:
    """The status with that condition; lastTransitionTime is kept while its value is the same.

    The message may quote users, agents and kubelets: it is cleaned here, for all conditions.
    """
    old = next((c for c in status.conditions if c.type == kind), None)
    text = "True" if value else "False"
    new = ConditionStatus(
        type=kind,
        status="True" if value else "False",
        reason=reason,
        message=clean(message),
        last_transition_time=(old.last_transition_time if old and old.status == text else view.now),
        observed_generation=view.run.metadata.generation,
    )
    others = tuple(c for c in status.conditions if c.type != kind)
    return status.model_copy(update={"conditions": (*others, new)})


def said(view: View, kind: Condition, reason: str) -> bool:
    """Whether the last status gives that reason already, so that it is no news."""
    return any(c.type == kind and c.reason == reason for c in view.run.status.conditions)


def base(view: View, phase: Phase) -> AgentRunStatus:
    """The last status, moved to the phase, with what is known of the Job and the newest pod."""
    job, status = view.own_job, view.run.status
    pod = view.pods[-1] if view.pods else None
    return status.model_copy(
        update={
            "phase": phase,
            "observed_generation": view.run.metadata.generation,
            "job_name": job.name if job else status.job_name,
            "job_uid": job.uid if job else status.job_uid,
            "holds_thread": status.holds_thread or _has_taken_thread(view),
            "claim_name": (job.claim_name if job else None) or status.claim_name,
            "pod_name": pod.name if pod else status.pod_name,
            **_starts(view),
        }
    )


def _has_taken_thread(view: View) -> bool | None:
    """Whether the run lives on its thread: a request to make its Job may have come very late.

    A pod of another Job that has the run's labels is no start of the run.
    """
    lives = view.begun and bool(view.alive or view.can_make_pods)
    return True if lives and view.run.spec.thread is not None else None


def _starts(view: View) -> dict[str, object]:
    """How often the agent was started, and when, first and last.

    An evicted pod takes its object along. So what counts is what has started since the last start
    that was written down.
    """
    status, counted = view.run.status, view.run.status.last_started_at
    starts = {pod.uid: pod.agent_started_at for pod in view.seen}
    new = sorted(s for s in starts.values() if s and (counted is None or s > counted))
    if not new:
        return {}
    return {
        "attempts": (status.attempts or 0) + len(new),
        "started_at": status.started_at or new[0],
        "last_started_at": new[-1],
    }


def waiting(view: View, reason: Reason, message: str) -> Plan:
    """The run waits for something that its message names. Nothing is lost; it goes on by itself."""
    status = set_condition(
        view, base(view, Phase.PENDING), Condition.STARTED, False, reason, message
    )
    usual = reason in (Reason.THREAD_BUSY, Reason.QUEUED, Reason.PREEMPTED)
    event = Event("Normal" if usual else "Warning", reason, message)
    is_news = not said(view, Condition.STARTED, reason)
    return Plan(status=status, events=(event,) if is_news else ())
