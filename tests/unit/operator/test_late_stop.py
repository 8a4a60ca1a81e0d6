"""A stop that takes longer than its kubelet would allow it to: what is said, and when."""

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


def test_a_lost_node_is_reported_with_what_a_person_can_do_and_nothing_is_forced() -> None:
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
def test_a_pod_that_a_person_gave_up_is_let_go_only_if_its_node_is_lost(
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


def test_a_lost_node_is_told_again_and_again_or_never() -> None:
    this = told_to_stop("2026-01-02T03:03:00Z")
    first = decide(view(this, job=job(), pods=(SIGNALLED_POD,), unreachable_nodes=LOST))
    assert [event.reason for event in first.events] == [Reason.NODE_UNREACHABLE]
    again = this.model_copy(update={"status": first.status})
    plan = decide(view(again, job=job(), pods=(SIGNALLED_POD,), unreachable_nodes=LOST))
    assert plan.events == ()


@pytest.mark.parametrize("grace", [30, 90])
def test_a_kubelet_is_called_silent_while_it_may_still_speak(grace: int) -> None:
    """It takes a moment to report the end of what it has killed when the grace period was over."""
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


def test_a_late_stop_is_looked_at_without_a_pause() -> None:
    """Failure mode 49."""
    this = told_to_stop("2026-01-02T03:00:00Z")
    plan = decide(view(this, job=job(), pods=(SIGNALLED_POD,)))
    assert plan.look_again_at is not None
    assert plan.look_again_at >= NOW + timedelta(seconds=5)
