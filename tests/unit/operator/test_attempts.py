"""How often a run's agent was started, as its status says."""

from dataclasses import replace
from datetime import timedelta

from agentrun_operator.runs.policy.decide import decide

from .states import CREATED, RUNNING_POD, job, run, view


def test_an_attempt_still_counts_when_its_pod_is_gone() -> None:
    """A drain deletes the pod object; without it `attempts` must not start again at 1."""
    first = decide(view(run(has_finalizer=True), job=job(), pods=(RUNNING_POD,))).status
    assert first is not None
    assert first.attempts == 1
    second = replace(
        RUNNING_POD, name="r-2", uid="pod-2", agent_started_at=CREATED + timedelta(seconds=1)
    )
    again = run(has_finalizer=True).model_copy(update={"status": first})
    for pods, gone_pods in (
        ((second,), ()),
        ((RUNNING_POD, second), ()),
        ((second,), (RUNNING_POD,)),
    ):
        status = decide(view(again, job=job(), pods=pods, gone_pods=gone_pods)).status
        assert status is not None
        assert (status.attempts, status.started_at, status.last_started_at) == (
            2,
            RUNNING_POD.agent_started_at,
            second.agent_started_at,
        )
        once_more = again.model_copy(update={"status": status})
        plan = decide(view(once_more, job=job(), pods=pods, gone_pods=gone_pods))
        assert plan.status == status


def test_a_pod_that_is_first_seen_when_it_is_gone_counts_as_an_attempt() -> None:
    gone = replace(RUNNING_POD, uid="pod-0", agent_started_at=CREATED - timedelta(seconds=9))
    plan = decide(view(run(has_finalizer=True), job=job(), pods=(RUNNING_POD,), gone_pods=(gone,)))
    assert plan.status is not None
    assert (plan.status.attempts, plan.status.started_at) == (2, gone.agent_started_at)
