"""multitaskStrategy: what a run does if its thread is in use."""

from datetime import timedelta
from typing import Any

import pytest

from agentrun_kube.vocabulary import Cancel, Condition, Phase, Reason
from agentrun_operator.runs.plan import AddFinalizer, CancelRun, RemoveFinalizer
from agentrun_operator.runs.policy.decide import decide

from .states import CREATED, run, view

EARLIER = CREATED - timedelta(seconds=5)


def older(name: str = "old", **more: Any) -> Any:
    return run(name, uid=name, created=EARLIER, **more)


def taking(strategy: str, **more: Any) -> Any:
    return run(spec_more={"multitaskStrategy": strategy}, **more)


def test_reject_ends_the_newer_run_at_once() -> None:
    plan = decide(view(taking("reject"), rivals=(older(),)))
    assert plan.status is not None
    assert plan.status.phase == Phase.FAILED
    finished = next(c for c in plan.status.conditions if c.type == Condition.FINISHED)
    assert finished.reason == Reason.THREAD_BUSY


def test_reject_starts_a_run_on_a_free_thread() -> None:
    assert decide(view(taking("reject"))).actions == (AddFinalizer(),)


@pytest.mark.parametrize("strategy", ["interrupt", "rollback"])
def test_the_older_runs_are_cancelled_and_the_newer_waits_until_they_are_gone(
    strategy: str,
) -> None:
    """Failure mode 70."""
    rivals = (older("one", has_finalizer=True), older("two"))
    plan = decide(view(taking(strategy), rivals=rivals))
    cancelled = [(a.run, a.cancel) for a in plan.actions if isinstance(a, CancelRun)]
    assert cancelled == [("one", Cancel(strategy)), ("two", Cancel(strategy))]
    assert AddFinalizer() not in plan.actions
    assert plan.status is not None
    assert plan.status.phase == Phase.PENDING


def test_a_run_that_is_cancelled_already_is_not_cancelled_again_and_never_weakened() -> None:
    for strategy, cancel in (
        ("interrupt", "interrupt"),
        ("interrupt", "rollback"),
        ("rollback", "rollback"),
    ):
        plan = decide(view(taking(strategy), rivals=(older(has_finalizer=True, cancel=cancel),)))
        assert plan.actions == ()


def test_rollback_strengthens_an_interrupt() -> None:
    plan = decide(view(taking("rollback"), rivals=(older(has_finalizer=True, cancel="interrupt"),)))
    assert [type(a) for a in plan.actions] == [CancelRun]


def test_a_younger_run_that_waits_is_not_cancelled() -> None:
    younger = run("young", uid="young", created=CREATED + timedelta(seconds=5))
    assert decide(view(taking("interrupt"), rivals=(younger,))).actions == (AddFinalizer(),)


def test_a_finished_run_that_is_being_cleaned_is_waited_for_but_not_cancelled() -> None:
    cleaning = older(has_finalizer=True, deleting=True, phase=Phase.SUCCEEDED)
    plan = decide(view(taking("interrupt"), rivals=(cleaning,)))
    assert plan.actions == ()
    assert plan.status is not None


def test_a_rejected_run_removes_its_finalizer() -> None:
    plan = decide(view(taking("reject", has_finalizer=True), rivals=(older(has_finalizer=True),)))
    assert plan.actions == (RemoveFinalizer(),)


def test_reject_does_not_wait_for_a_run_that_is_being_stopped() -> None:
    stopping = older(has_finalizer=True, cancel="interrupt", phase=Phase.CANCELLING, jobName="old")
    plan = decide(view(taking("reject"), rivals=(stopping,)))
    assert plan.status is not None
    assert plan.status.phase == Phase.FAILED
    finished = next(c for c in plan.status.conditions if c.type == Condition.FINISHED)
    assert finished.reason == Reason.THREAD_BUSY
