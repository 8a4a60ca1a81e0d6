"""spec.cancelGracePeriodSeconds: the emergency stop of an agent whose own grace period is long."""

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from agentrun_kube.v1alpha1.agent_run import AgentRun
from agentrun_kube.vocabulary import Phase
from agentrun_operator.facts.pods import PodFacts
from agentrun_operator.resources.shorten_job import shorten_job_name
from agentrun_operator.runs.plan import DeletePod, ForbidRetries, ShortenStop, StopPod
from agentrun_operator.runs.policy.decide import decide
from agentrun_operator.runs.policy.stop import needs_node_status
from objects import Object, label, with_condition
from simulated.jobs import is_finished
from simulated.kube import Fate
from simulated.world import World

from .simulated import cleanups_finish, create, go_on, phase
from .states import NOW, RUNNING_POD, SIGNALLED_POD, job, run, view
from .test_refused_cleanup import Quota

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
    stopping = run(
        has_finalizer=True, cancel=cancel, deleting=cancel is None, spec_more=more, **told
    )
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
        (60, DELETED, (FORBID,)),
    ],
)
def test_a_grace_period_that_is_not_shorter_changes_nothing(
    grace: int | None, pod: PodFacts, expected: tuple[Any, ...]
) -> None:
    assert actions(grace, pod) == expected


@pytest.mark.parametrize("pod", [SIGNALLED, DELETED])
@pytest.mark.parametrize("cancel", ["interrupt", "rollback"])
def test_a_grace_period_set_after_the_stop_is_sent_to_the_supervisor(
    pod: PodFacts, cancel: str
) -> None:
    """A kubelet does not interrupt a stop that has begun: a deletion would only cost the log."""
    assert actions(5, pod, cancel) == (FORBID, ShortenStop("r-abc", "pod-uid", 5))
    this = stopping()
    assert f"Job {shorten_job_name(this, 5)} tells the supervisor of pod r-abc" in told(this, pod)


@pytest.mark.parametrize("pod", [SIGNALLED, DELETED])
def test_a_stop_without_our_supervisor_is_not_shortened_and_the_status_says_why(
    pod: PodFacts,
) -> None:
    foreign = replace(pod, supervised=False)
    assert actions(5, foreign) == (FORBID,)
    assert "spec.cancelGracePeriodSeconds came after the stop" in told(stopping(), foreign)
    assert "no supervisor" in told(stopping(), foreign)


def test_nothing_is_sent_to_a_supervisor_on_an_unreachable_node() -> None:
    this = stopping()
    assert needs_node_status(view(this, pods=(SIGNALLED,)))
    assert "Node n1 does not answer" in told(this, SIGNALLED, unreachable_nodes=frozenset({"n1"}))
    plan = decide(view(this, pods=(SIGNALLED,), unreachable_nodes=frozenset({"n1"})))
    assert plan.actions == ()


def stopping() -> AgentRun:
    return run(has_finalizer=True, cancel="interrupt", spec_more={"cancelGracePeriodSeconds": 5})


def told(this: AgentRun, pod: PodFacts, **facts: Any) -> str:
    plan = decide(view(this, pods=(pod,), **facts))
    assert plan.status is not None
    (stopped,) = [c for c in plan.status.conditions if c.type == "Stopped"]
    return stopped.message


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
    # The exit code goes with the pod object: an operator that did not see it cannot tell.
    assert killed_at > 3 or found["status"]["cancel"]["forced"]
    assert world.judge.violations == []


INTERRUPT: Object = {"spec": {"cancel": "interrupt"}}
ROLLBACK: Object = {"spec": {"cancel": "rollback"}}
HURRY: Object = {"spec": {"cancelGracePeriodSeconds": 2}}


def jobs(world: World) -> list[Object]:
    """Those that shorten a stop."""
    found = world.server.all("jobs")
    found = [job for job in found if label(job, "app.kubernetes.io/component") == "cleanup"]
    return [
        job
        for job in found
        if job["spec"]["template"]["spec"]["containers"][0]["args"] == ["shorten"]
    ]


def message(world: World) -> str:
    found = world.server.get("agentruns", "r")
    assert found is not None
    return next(str(c["message"]) for c in found["status"]["conditions"] if c["type"] == "Stopped")


@pytest.mark.parametrize("cancel", [INTERRUPT, ROLLBACK], ids=["interrupt", "rollback"])
@pytest.mark.parametrize("fate", [Fate.DONE, Fate.LOST])
@pytest.mark.parametrize("killed_at", range(4))
def test_a_stop_that_has_begun_is_shortened_whatever_write_the_operator_dies_at(
    world: World, killed_at: int, fate: Fate, cancel: Object
) -> None:
    stubborn(world)
    world.server.patch("agentruns", "r", cancel)
    go_on(world, rounds=5)
    assert phase(world) == "Cancelling"
    assert world.nodes.alive
    world.server.patch("agentruns", "r", HURRY)
    writes = 0
    for _ in range(25):
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
        cleanups_finish(world)
        world.cluster_goes_on()
        world.loop.advance(1)
    assert phase(world) == ("Interrupted" if cancel == INTERRUPT else "gone")
    assert world.judge.violations == []


def test_a_shorten_job_that_is_refused_or_fails_is_reported_and_retried(world: World) -> None:
    stubborn(world)
    world.server.patch("agentruns", "r", INTERRUPT)
    go_on(world, rounds=3)
    world.server.patch("agentruns", "r", HURRY)

    quota = Quota()
    go_on(world, quota, rounds=3)
    assert "exceeded quota" in message(world)
    assert "spec.cancelGracePeriodSeconds came after the stop, and the Job" in message(world)
    assert jobs(world) == []
    quota.exceeded = False
    go_on(world, quota, rounds=3, pause=5)
    (made,) = jobs(world)
    assert made["metadata"]["name"] in message(world)
    failed = with_condition(made, "Failed", "BackoffLimitExceeded", world.clock.stamp())
    world.server.update("jobs", made, failed)
    go_on(world, rounds=30, pause=10)
    (again,) = jobs(world)
    assert not is_finished(again)
    cleanups_finish(world)
    go_on(world, rounds=5)
    assert phase(world) == "Interrupted"


def test_each_lower_grace_period_gets_its_own_job(world: World) -> None:
    stubborn(world)
    world.server.patch("agentruns", "r", INTERRUPT)
    go_on(world, rounds=3)
    for seconds in (600, 500):
        world.server.patch("agentruns", "r", {"spec": {"cancelGracePeriodSeconds": seconds}})
        go_on(world, rounds=5)
    assert len(jobs(world)) == 2
