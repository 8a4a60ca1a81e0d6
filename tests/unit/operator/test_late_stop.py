"""A stop that takes longer than the kubelet allows: what the status says, and when."""

from dataclasses import replace
from datetime import timedelta

import pytest

from agentrun_kube.v1alpha1.agent_run import AgentRun
from agentrun_kube.vocabulary import Condition, Phase, Reason
from agentrun_operator.runs.plan import DeleteJob
from agentrun_operator.runs.policy.decide import decide

from .states import NOW, SIGNALLED_POD, job, run, view
from .test_decide_stop import RUNNING

LOST = frozenset({"n1"})


def told_to_stop(at: str) -> AgentRun:
    asked = {"action": "interrupt", "signalledAt": at}
    state = RUNNING | {"phase": Phase.CANCELLING}
    return run(cancel="interrupt", cancel_status=asked, **state)


def test_an_unreachable_node_is_reported_with_the_users_command_and_nothing_is_forced() -> None:
    this = told_to_stop("2026-01-02T03:03:00Z")
    plan = decide(view(this, job=job(), pods=(SIGNALLED_POD,), unreachable_nodes=LOST))
    assert plan.actions == ()
    assert plan.status is not None
    assert plan.status.phase == Phase.CANCELLING
    stopped = next(c for c in plan.status.conditions if c.type == Condition.STOPPED)
    assert stopped.reason == Reason.NODE_UNREACHABLE
    assert "kubectl delete pod r-abc" in stopped.message
    assert plan.look_again_at is not None


@pytest.mark.parametrize("unreachable", [{"n1"}, set()])
def test_a_force_deleted_pod_is_given_up_only_if_its_node_is_unreachable(
    unreachable: set[str],
) -> None:
    """kubectl delete --force: the object stays, for the Job's finalizer is on it."""
    this = told_to_stop("2026-01-02T03:03:00Z")
    pod = replace(SIGNALLED_POD, deleting=True, deletion_grace=0)
    stopping = job(backoff_limit=0)
    plan = decide(view(this, job=stopping, pods=(pod,), unreachable_nodes=frozenset(unreachable)))
    assert plan.status is not None
    assert plan.status.phase == Phase.CANCELLING
    delete_job = (DeleteJob(stopping.name, stopping.uid),)
    assert plan.actions == (delete_job if unreachable else ())


def test_an_unreachable_node_is_reported_by_exactly_one_event() -> None:
    this = told_to_stop("2026-01-02T03:03:00Z")
    first = decide(view(this, job=job(), pods=(SIGNALLED_POD,), unreachable_nodes=LOST))
    assert [event.reason for event in first.events] == [Reason.NODE_UNREACHABLE]
    again = this.model_copy(update={"status": first.status})
    plan = decide(view(again, job=job(), pods=(SIGNALLED_POD,), unreachable_nodes=LOST))
    assert plan.events == ()


@pytest.mark.parametrize("grace", [30, 90])
def test_a_kubelet_is_called_silent_only_10_seconds_after_the_grace_period(grace: int) -> None:
    """It needs a moment to report the containers that it killed at the end of the grace period."""
    pod = replace(SIGNALLED_POD, grace_seconds=grace)
    for seconds, expected in (
        (grace + 9, Reason.WAITING_FOR_POD),
        (grace + 10, Reason.KUBELET_SILENT),
    ):
        now = NOW + timedelta(seconds=seconds)
        plan = decide(view(told_to_stop(NOW.isoformat()), job=job(), pods=(pod,), now=now))
        assert plan.status is not None
        (stopped,) = (c for c in plan.status.conditions if c.type == Condition.STOPPED)
        assert stopped.reason == expected


def test_a_late_stop_is_looked_at_again_after_5_seconds_or_more() -> None:
    """Failure mode 49."""
    this = told_to_stop("2026-01-02T03:00:00Z")
    plan = decide(view(this, job=job(), pods=(SIGNALLED_POD,)))
    assert plan.look_again_at is not None
    assert plan.look_again_at >= NOW + timedelta(seconds=5)
