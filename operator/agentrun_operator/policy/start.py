"""Whether a run may start, and what it waits for if not."""

from ..constants import MAX_JOB_NAME, Phase, Reason
from ..plan import Claim, CreateJob, Event, Plan, Release
from . import threads
from .status import final, waiting
from .view import View


def start(view: View) -> Plan:
    run = view.run
    name, agent = run.metadata.name, run.spec.agent_ref.name
    if len(name) > MAX_JOB_NAME:
        message = (
            f"metadata.name has {len(name)} characters, and the run's Job of the same name may "
            f"have {MAX_JOB_NAME}. Create an AgentRun with a shorter name."
        )
        status = final(view, Phase.FAILED, Reason.NAME_TOO_LONG, message)
        return Plan(status=status, events=(Event("Warning", Reason.NAME_TOO_LONG, message),))
    if view.job is not None:
        message = (
            f"A Job named {name} exists that does not belong to this run. The run starts when that "
            "Job is deleted; or create an AgentRun with another metadata.name."
        )
        return waiting(view, Reason.JOB_NAME_TAKEN, message)
    if view.agent is None:
        message = (
            f"spec.agentRef.name: there is no Agent {agent} in namespace {run.metadata.namespace}. "
            "The run starts when it is created."
        )
        return waiting(view, Reason.AGENT_NOT_FOUND, message)
    blocker = threads.blocked_by(run, view.rivals)
    if blocker is not None:
        message = (
            f"Thread {run.spec.thread} is in use: the run starts when AgentRun "
            f"{blocker.metadata.name} has ended."
        )
        plan = waiting(view, Reason.THREAD_BUSY, message)
        if threads.must_give_way(run, blocker):
            return Plan(actions=(Release(),), status=plan.status, events=plan.events, confirm=True)
        return plan
    if not run.claimed:
        return Plan(actions=(Claim(),))
    return Plan(actions=(CreateJob(),), confirm=True)


def rejected(view: View, answer: str) -> Plan:
    """What follows when the API server refuses to make the run's Job; it is tried again."""
    message = (
        f"The API server refused the run's Job: {answer} Mend the Agent "
        f"{view.run.spec.agent_ref.name} (spec.podTemplate, spec.resources, spec.env) or the "
        "namespace's quota; it is tried again."
    )
    return waiting(view, Reason.JOB_REJECTED, message)
