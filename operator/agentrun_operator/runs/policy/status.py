"""Building the next status of a run from the last one."""

from agentrun_kube import conditions
from agentrun_kube.v1alpha1.agent_run import AgentRunStatus
from agentrun_kube.vocabulary import Condition, Phase, Reason

from ...resources.event import Event
from ..plan import Plan
from ..view import View


def set_condition(
    view: View, status: AgentRunStatus, kind: Condition, value: bool, reason: str, message: str
) -> tuple[AgentRunStatus, bool]:
    """The status with that condition, and whether its reason is new, so that an Event is due."""
    new, changed = conditions.set_condition(
        status.conditions,
        kind,
        value,
        reason,
        message,
        generation=view.run.metadata.generation,
        now=view.now,
    )
    return status.model_copy(update={"conditions": new}), changed


def with_condition(
    view: View, status: AgentRunStatus, kind: Condition, value: bool, reason: str, message: str
) -> AgentRunStatus:
    """The status with that condition."""
    return set_condition(view, status, kind, value, reason, message)[0]


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
    """Whether the run lives on its thread: a create request for its Job may take effect late.

    A pod of another Job that has the run's labels is no start of the run.
    """
    lives = view.begun and bool(view.alive or view.can_make_pods)
    return True if lives and view.run.spec.thread is not None else None


def _starts(view: View) -> dict[str, object]:
    """How often the agent was started, and when, first and last.

    The object of an evicted pod is gone with the pod, so the starts after the last one that the
    status has are added to its count.
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
    """The run waits for something that its message names; nothing is lost."""
    status, is_news = set_condition(
        view, base(view, Phase.PENDING), Condition.STARTED, False, reason, message
    )
    usual = reason in (Reason.THREAD_BUSY, Reason.QUEUED, Reason.PREEMPTED)
    event = Event("Normal" if usual else "Warning", reason, message)
    return Plan(status=status, events=(event,) if is_news else ())
