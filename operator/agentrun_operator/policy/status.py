"""Building the next status of a run from the last one."""

from ..constants import Condition, Phase, Reason
from ..models import AgentRunStatus, CheckpointStatus, ConditionStatus
from ..plan import Event, Plan
from .outcome import Ending
from .view import View


def set_condition(
    view: View, status: AgentRunStatus, kind: Condition, value: bool, reason: str, message: str
) -> AgentRunStatus:
    """The status with that condition; lastTransitionTime is kept while its value is the same."""
    old = next((c for c in status.conditions if c.type == kind), None)
    text = "True" if value else "False"
    new = ConditionStatus(
        type=kind,
        status="True" if value else "False",
        reason=reason,
        message=message,
        last_transition_time=(old.last_transition_time if old and old.status == text else view.now),
        observed_generation=view.run.metadata.generation,
    )
    others = tuple(c for c in status.conditions if c.type != kind)
    return status.model_copy(update={"conditions": (*others, new)})


def base(view: View, phase: Phase) -> AgentRunStatus:
    """The last status, moved to the phase, with what is known of the Job and the newest pod."""
    job, status = view.own_job, view.run.status
    pod = view.pods[-1] if view.pods else None
    return status.model_copy(
        update={
            "phase": phase,
            "observed_generation": view.run.metadata.generation,
            "job_name": job.name if job else status.job_name,
            "claim_name": (job.claim_name if job else None) or status.claim_name,
            "pod_name": pod.name if pod else status.pod_name,
            "started_at": status.started_at or (pod.agent_started_at if pod else None),
        }
    )


def waiting(view: View, reason: Reason, message: str) -> Plan:
    """The run waits for something that its message names. Nothing is lost; it goes on by itself."""
    status = set_condition(
        view, base(view, Phase.PENDING), Condition.STARTED, False, reason, message
    )
    old = next((c for c in view.run.status.conditions if c.type == Condition.STARTED), None)
    event = Event("Normal" if reason == Reason.THREAD_BUSY else "Warning", reason, message)
    is_news = old is None or old.reason != reason
    return Plan(status=status, events=(event,) if is_news else ())


def final(view: View, phase: Phase, reason: str, message: str) -> AgentRunStatus:
    """The status of a run that has ended."""
    status = base(view, phase).model_copy(update={"finished_at": view.now})
    if status.started_at is None:
        never = "No pod of the run started."
        status = set_condition(view, status, Condition.STARTED, False, Reason.NEVER_STARTED, never)
    elif not any(c.type == Condition.STARTED and c.status == "True" for c in status.conditions):
        ran = f"The agent ran in pod {status.pod_name}."
        status = set_condition(view, status, Condition.STARTED, True, Reason.AGENT_STARTED, ran)
    return set_condition(view, status, Condition.FINISHED, True, reason, message)


def with_account(status: AgentRunStatus, ending: Ending) -> AgentRunStatus:
    """The status with what the runner left as its account."""
    account = ending.account
    if account is None:
        return status
    return status.model_copy(
        update={
            "output": account.output,
            "output_truncated": account.output_truncated,
            "checkpoint": account.checkpoint and CheckpointStatus(**dict(account.checkpoint)),
        }
    )
