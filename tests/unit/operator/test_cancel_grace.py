"""spec.cancelGracePeriodSeconds: the emergency stop of an agent whose own grace period is long."""

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from agentrun_operator.constants import Phase
from agentrun_operator.facts import PodFacts
from agentrun_operator.plan import DeletePod, ForbidRetries, StopPod
from agentrun_operator.policy.decide import decide
from chaos.layer1.kube import Fate
from chaos.layer1.world import World

from .simulated import create, go_on, phase
from .states import NOW, RUNNING_POD, SIGNALLED_POD, job, run, view

DAY = 86_400
FORBID = ForbidRetries("r", "job-uid")
RUNNING = replace(RUNNING_POD, grace_seconds=DAY)
SIGNALLED = replace(SIGNALLED_POD, grace_seconds=DAY)
DELETED = replace(
    RUNNING, deleting=True, deletion_grace=60, deletion_at=NOW + timedelta(seconds=60)
)


def actions(grace: int | None, pod: PodFacts, cancel: str | None = "interrupt") -> tuple[Any, ...]:
    more = {} if grace is None else {"cancelGracePeriodSeconds": grace}
    told: dict[str, Any] = {"phase": Phase.CANCELLING, "jobName": "r"}
    told["cancel_status"] = {"action": cancel, "signalledAt": NOW} if cancel else None
    stopping = run(claimed=True, cancel=cancel, deleting=cancel is None, spec_more=more, **told)
    return decide(view(stopping, job=job(backoff_limit=1), pods=(pod,))).actions


@pytest.mark.parametrize("cancel", ["interrupt", "rollback"])
def test_a_shorter_grace_period_deletes_the_pod_with_it_after_retries_are_forbidden(
    cancel: str,
) -> None:
    assert actions(5, RUNNING, cancel) == (FORBID, DeletePod("r-abc", "pod-uid", 5))


@pytest.mark.parametrize(
    ("grace", "pod", "expected"),
    [
        (None, RUNNING, (FORBID, StopPod("r-abc", "pod-uid"))),
        (DAY, RUNNING, (FORBID, StopPod("r-abc", "pod-uid"))),
        (60, replace(RUNNING, grace_seconds=30), (FORBID, StopPod("r-abc", "pod-uid"))),
        (5, SIGNALLED, (FORBID,)),
        (5, DELETED, (FORBID,)),
    ],
)
def test_a_grace_period_that_is_not_shorter_or_comes_after_the_stop_changes_nothing(
    grace: int | None, pod: PodFacts, expected: tuple[Any, ...]
) -> None:
    """A kubelet does not interrupt a stop that has begun: a deletion would only cost the log."""
    assert actions(grace, pod) == expected


@pytest.mark.parametrize("pod", [SIGNALLED, DELETED])
def test_a_grace_period_that_came_too_late_is_said_to_have(pod: PodFacts) -> None:
    more = {"cancelGracePeriodSeconds": 5}
    plan = decide(view(run(claimed=True, cancel="interrupt", spec_more=more), pods=(pod,)))
    assert plan.status is not None
    (stopped,) = [c for c in plan.status.conditions if c.type == "Stopped"]
    assert "spec.cancelGracePeriodSeconds came after the stop" in stopped.message


def stubborn(world: World) -> None:
    """A run whose agent ignores its stop, for a day."""
    create(world, thread="t", retries=1, gracePeriodSeconds=DAY)
    world.start_operator()
    go_on(world, rounds=5)


@pytest.mark.parametrize("fate", [Fate.DONE, Fate.LOST])
@pytest.mark.parametrize("killed_at", range(10))
def test_the_emergency_stop_survives_a_crash_around_each_write(
    world: World, killed_at: int, fate: Fate
) -> None:
    stubborn(world)
    writes, hurry = 0, {"spec": {"cancel": "interrupt", "cancelGracePeriodSeconds": 2}}
    for number in range(25):
        (operator,) = world.operators
        operator.deliver_all()
        while operator.kube.pending:
            request = operator.kube.pending[0]
            writes += request.writes
            if request.writes and writes == killed_at:
                world.crash(0, (fate,), 0)
                operator = world.start_operator()
            else:
                operator.take().serve()
                world.loop.spin()
        world.cluster_goes_on()
        world.loop.advance(1)
        if number == 4:
            assert phase(world) == "Running"
            world.server.patch("agentruns", "r", hurry)
    assert phase(world) == "Interrupted"
    found = world.server.get("agentruns", "r")
    assert found is not None
    # With the pod goes what tells of it: who has not seen it does not say that it was killed.
    assert killed_at > 3 or found["status"]["cancel"]["forced"]
    assert world.truth.violations == []
