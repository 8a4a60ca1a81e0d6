"""An unreachable node, and a run on it that has no cancel."""

from dataclasses import replace
from typing import Any

import pytest

from agentrun_kube.vocabulary import Condition, Phase, Reason
from agentrun_operator.facts.pods import PodFacts
from agentrun_operator.runs.plan import Plan
from agentrun_operator.runs.policy.decide import decide
from agentrun_operator.runs.policy.stop import needs_node_status
from agentrun_operator.runs.view import View
from objects import Object
from simulated.world import World

from .simulated import agents_finish, create, go_on, phase
from .states import PENDING_POD, RUNNING_POD, job, run, view

SILENT_POD = replace(RUNNING_POD, unready=True)
LOST = frozenset({"n1"})


def looking_at(pod: PodFacts, plan: Plan | None = None, **more: Any) -> View:
    """With the status that a plan wrote."""
    this = run(has_finalizer=True, phase=Phase.RUNNING, jobName="r", podName="r-abc")
    if plan is not None:
        this = this.model_copy(update={"status": plan.status})
    return view(this, job=job(), pods=(pod,), **more)


def started(plan: Plan) -> tuple[str, str, str]:
    assert plan.status is not None
    found = next(c for c in plan.status.conditions if c.type == Condition.STARTED)
    return found.status, found.reason, found.message


def test_node_status_is_needed_only_for_a_started_pod_that_is_not_ready() -> None:
    assert needs_node_status(looking_at(SILENT_POD))
    assert not needs_node_status(looking_at(RUNNING_POD))
    assert not needs_node_status(looking_at(replace(PENDING_POD, unready=True)))


def test_a_run_on_an_unreachable_node_says_that_its_state_is_unknown() -> None:
    plan = decide(looking_at(SILENT_POD, unreachable_nodes=LOST))
    assert plan.actions == ()
    assert plan.status is not None
    assert plan.status.phase == Phase.RUNNING, "it is not known to have ended either"
    value, reason, message = started(plan)
    assert (value, reason) == ("True", Reason.NODE_UNREACHABLE)
    assert "it is unknown whether the agent still runs" in message
    assert [event.reason for event in plan.events] == [Reason.NODE_UNREACHABLE]
    assert decide(looking_at(SILENT_POD, plan, unreachable_nodes=LOST)).events == ()


def test_a_node_that_is_back_is_not_called_unreachable() -> None:
    lost = decide(looking_at(SILENT_POD, unreachable_nodes=LOST))
    plan = decide(looking_at(RUNNING_POD, lost))
    assert started(plan)[:2] == ("True", Reason.AGENT_STARTED)
    assert plan.events == ()


def test_the_node_of_a_pod_that_is_only_not_ready_is_not_called_unreachable() -> None:
    assert started(decide(looking_at(SILENT_POD)))[:2] == ("True", Reason.AGENT_STARTED)


def test_a_run_reports_that_its_node_is_unreachable_and_that_it_is_back(world: World) -> None:
    """On the simulated cluster."""
    create(world, retries=1)
    world.start_operator()
    go_on(world, rounds=15)
    assert reason_started(world) == Reason.AGENT_STARTED
    (container,) = world.nodes.alive
    world.nodes.lose(container.node)
    world.nodes.notice()
    go_on(world, rounds=2)
    assert (phase(world), reason_started(world)) == ("Running", Reason.NODE_UNREACHABLE)
    world.nodes.bring_back(container.node, rebooted=False)
    go_on(world, rounds=10, pause=10)
    assert (phase(world), reason_started(world)) == ("Running", Reason.AGENT_STARTED)
    agents_finish(world)
    go_on(world, rounds=10)
    assert phase(world) == "Succeeded"
    assert world.judge.violations == []


@pytest.mark.parametrize("cancel", [None, "interrupt"])
def test_the_node_of_a_run_that_has_ended_is_not_called_unreachable(
    world: World, cancel: str | None
) -> None:
    """It ended while its node was unreachable."""
    create(world)
    world.start_operator()
    go_on(world, rounds=15)
    (container,) = world.nodes.alive
    world.nodes.lose(container.node)
    world.nodes.notice()
    go_on(world, rounds=2)
    assert reason_started(world) == Reason.NODE_UNREACHABLE
    if cancel is not None:
        world.server.patch("agentruns", "r", {"spec": {"cancel": cancel}})
        go_on(world, rounds=5)
    agents_finish(world)
    world.nodes.bring_back(container.node, rebooted=False)
    go_on(world, rounds=10, pause=10)
    assert phase(world) == "Succeeded", "its work was complete before it was told to stop"
    assert reason_started(world) == Reason.AGENT_STARTED


def reason_started(world: World) -> str:
    found = world.server.get("agentruns", "r")
    conditions: list[Object] = found["status"]["conditions"] if found else []
    return str(next(c["reason"] for c in conditions if c["type"] == "Started"))
