"""Which value counts if a run, its Agent, both or neither set a field."""

from collections.abc import Callable

import pytest

from agentrun_kube import defaults
from agentrun_kube.v1alpha1.agent import Agent
from agentrun_kube.v1alpha1.agent_run import AgentRun

from .states import agent, run


@pytest.mark.parametrize(
    ("field", "rule", "of_agent", "of_run", "built_in"),
    [
        ("timeout_seconds", defaults.timeout_seconds, 60, 30, None),
        ("retries", defaults.retries, 3, 0, 0),
        ("ttl_seconds_after_finished", defaults.ttl_seconds, 60, 0, None),
        ("multitask_strategy", defaults.multitask_strategy, "reject", "rollback", "enqueue"),
        ("grace_period_seconds", defaults.requested_grace_seconds, 7, 3, 30),
    ],
)
def test_a_runs_value_precedes_its_agents_and_that_the_built_in_default(
    field: str,
    rule: Callable[[AgentRun, Agent], object],
    of_agent: object,
    of_run: object,
    built_in: object,
) -> None:
    silent, its_agent = run(), agent()
    this = silent.model_copy(update={"spec": silent.spec.model_copy(update={field: of_run})})
    says = its_agent.model_copy(
        update={"spec": its_agent.spec.model_copy(update={field: of_agent})}
    )
    assert rule(this, says) == of_run
    assert rule(this, its_agent) == of_run
    assert rule(silent, says) == of_agent
    assert rule(silent, its_agent) == built_in
