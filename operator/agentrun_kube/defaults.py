"""The values of a run's optional fields: its own, else its Agent's, else the default."""

from .names import DEFAULT_GRACE_PERIOD_SECONDS
from .v1alpha1.agent import Agent
from .v1alpha1.agent_run import AgentRun
from .vocabulary import MultitaskStrategy


def requested_grace_seconds(run: AgentRun, agent: Agent) -> int:
    """The grace period that the run or its Agent requests, in seconds."""
    return (
        run.spec.grace_period_seconds
        or agent.spec.grace_period_seconds
        or DEFAULT_GRACE_PERIOD_SECONDS
    )


def grace_seconds(run: AgentRun, agent: Agent, maximum: int | None) -> int:
    """The grace period of its pods, in seconds: the installation may have a maximum."""
    requested = requested_grace_seconds(run, agent)
    return requested if maximum is None else min(requested, maximum)


def timeout_seconds(run: AgentRun, agent: Agent) -> int | None:
    """Seconds that the run may take; None for no limit."""
    return run.spec.timeout_seconds or agent.spec.timeout_seconds


def retries(run: AgentRun, agent: Agent | None) -> int:
    """How often a failed agent is retried."""
    if run.spec.retries is not None:
        return run.spec.retries
    return (agent.spec.retries if agent else None) or 0


def ttl_seconds(run: AgentRun, agent: Agent | None) -> int | None:
    """Seconds that the record of a finished run is kept; None for ever."""
    if run.spec.ttl_seconds_after_finished is not None:
        return run.spec.ttl_seconds_after_finished
    return agent.spec.ttl_seconds_after_finished if agent else None


def multitask_strategy(run: AgentRun, agent: Agent | None) -> MultitaskStrategy:
    """What the run does if its thread is in use."""
    of_agent = agent.spec.multitask_strategy if agent else None
    return run.spec.multitask_strategy or of_agent or MultitaskStrategy.ENQUEUE
