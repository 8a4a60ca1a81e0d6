"""Whether a run may start, and what it waits for if not."""

from dataclasses import replace
from datetime import timedelta

from ..constants import MAX_JOB_NAME, MultitaskStrategy, Phase, Reason
from ..models import Agent, AgentRun
from ..plan import Action, Claim, CreateJob, Enqueue, Event, Plan, Release
from ..resources.run_file import run_file
from . import defaults, threads
from .pod_refusals import refusal
from .progress import finish
from .status import final, waiting
from .view import View

# The API server takes 256 KiB of annotations in all:
# https://kubernetes.io/docs/concepts/overview/working-with-objects/annotations/
LARGEST_RUN_FILE = 240 * 1024
LOOK_AT_FOREIGN_JOB, SOON = timedelta(seconds=10), timedelta(seconds=1)


def start(view: View) -> Plan:
    plan = _start(view)
    waits = plan.status is not None and plan.status.phase == Phase.PENDING
    if waits and view.run.spec.thread is not None and view.run.queued is None:
        plan = replace(plan, actions=(Enqueue(), *plan.actions))
    # One that has claimed may have had a Job: one that has succeeded is not watched.
    return replace(plan, confirm=plan.confirm or view.run.claimed)


def _start(view: View) -> Plan:
    run = view.run
    name, agent = run.metadata.name, run.spec.agent_ref.name
    if len(name) > MAX_JOB_NAME:
        message = (
            f"metadata.name has {len(name)} characters, and the run's Job of the same name may "
            f"have {MAX_JOB_NAME}. Create an AgentRun with a shorter name."
        )
        return _refused(view, Reason.NAME_TOO_LONG, message)
    blockers = threads.blocked_by(run, view.rivals)
    if blockers and threads.must_give_way(run, blockers[0]):
        return _thread_busy(view, blockers)  # whatever else it waits for
    if view.job is not None:
        message = (
            f"A Job named {name} exists that does not belong to this run. The run starts when that "
            "Job is deleted; or create an AgentRun with another metadata.name."
        )
        plan = waiting(view, Reason.JOB_NAME_TAKEN, message)
        # Jobs of others are not watched, nor is that of a run that had the name and has just gone.
        age = view.now - run.metadata.creation_timestamp
        wait = min(max(age, SOON), LOOK_AT_FOREIGN_JOB)
        return replace(plan, look_again_at=view.now + wait, confirm=True)
    if view.agent is None:
        message = (
            f"spec.agentRef.name: there is no Agent {agent} in namespace {run.metadata.namespace}. "
            "The run starts when it is created."
        )
        return waiting(view, Reason.AGENT_NOT_FOUND, message)
    size = len(run_file(run, view.agent).encode())
    if size > LARGEST_RUN_FILE:
        message = (
            f"spec.input: with all that the runner is told it has {size} bytes, and the pod can "
            f"carry {LARGEST_RUN_FILE}. Put it where the agent can read it, and say where that is."
        )
        return _refused(view, Reason.INPUT_TOO_LARGE, message)
    if blockers:
        return _thread_busy(view, blockers)
    refused = refusal(run, view.agent, view.installation)
    if refused:
        return waiting(view, Reason.POD_TEMPLATE_REFUSED, refused)
    if not run.claimed:
        return Plan(actions=(Claim(),))
    return Plan(actions=(CreateJob(),), events=_capped(view, view.agent), confirm=True)


def _capped(view: View, agent: Agent) -> tuple[Event, ...]:
    """An Event if the run gets less time to end than it asks for."""
    requested = defaults.requested_grace_seconds(view.run, agent)
    maximum = view.installation.max_grace_period_seconds
    if maximum is None or requested <= maximum:
        return ()
    message = (
        f"gracePeriodSeconds is {requested}, and the maximum of this installation is {maximum}: a "
        f"stopped agent is killed after {maximum} seconds."
    )
    return (Event("Warning", Reason.GRACE_PERIOD_CAPPED, message),)


def _refused(view: View, reason: Reason, message: str) -> Plan:
    status = final(view, Phase.FAILED, reason, message)
    return finish(view, status, Event("Warning", reason, message))


def _thread_busy(view: View, blockers: list[AgentRun]) -> Plan:
    run, strategy = view.run, defaults.multitask_strategy(view.run, view.agent)
    live = threads.rejected_by(run, blockers)
    if strategy == MultitaskStrategy.REJECT and live is not None:
        message = f"{_in_use(run, live)}, and spec.multitaskStrategy is reject."
        return _refused(view, Reason.THREAD_BUSY, message)
    message = f"{_in_use(run, blockers[0])}; the run starts when that has ended."
    plan = waiting(view, Reason.THREAD_BUSY, message)
    actions: tuple[Action, ...] = threads.cancel_rivals(run, view.rivals, strategy)
    if threads.must_give_way(run, blockers[0]):
        if run.status.claim_name is None and view.agent is not None:
            return _marked(view.agent, plan)
        actions = (Release(), *actions)
    return replace(plan, actions=actions, confirm=bool(actions))


def _in_use(run: AgentRun, by: AgentRun) -> str:
    return f"Thread {run.spec.thread} is in use by AgentRun {by.metadata.name}"


def _marked(agent: Agent, plan: Plan) -> Plan:
    """A mark that the run has once claimed: a request to make its Job may still be under way.

    It is written before the claim is given up, for a crash may come between the two.
    """
    assert plan.status is not None
    claim = agent.spec.store.claim_name
    return replace(plan, status=plan.status.model_copy(update={"claim_name": claim}))


def rejected(view: View, answer: str) -> Plan:
    """What follows when the API server refuses to make the run's Job; it is tried again."""
    message = (
        f"The API server refused the run's Job: {answer} Mend the Agent "
        f"{view.run.spec.agent_ref.name} (spec.podTemplate, spec.resources, spec.env) or the "
        "namespace's quota; it is tried again."
    )
    return waiting(view, Reason.JOB_REJECTED, message)
