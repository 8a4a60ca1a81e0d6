"""How a run ended, as its pods show."""

from dataclasses import replace

from agentrun_kube.vocabulary import Condition, Phase
from agentrun_operator.runs.policy.decide import decide

from .states import FAILED_POD, STOPPED_POD, SUCCEEDED_POD, job, run, said, view
from .test_decide_stop import RUNNING


def test_a_paused_graph_waits_for_input() -> None:
    pod = said(SUCCEEDED_POD, "Succeeded", interrupts=[{"id": "i", "value": "sure?"}])
    plan = decide(view(run(**RUNNING), job=job(), pods=(pod,)))
    assert plan.status is not None
    assert plan.status.interrupts == ({"id": "i", "value": "sure?"},)
    assert any(c.type == Condition.WAITING_FOR_INPUT for c in plan.status.conditions)


def test_a_graph_that_was_stopped_while_it_paused_does_not_wait_for_input() -> None:
    pod = said(STOPPED_POD, "Stopped", interrupts=[{"id": "i", "value": "?"}])
    plan = decide(view(run(cancel="interrupt", **RUNNING), job=job(), pods=(pod,)))
    assert plan.status is not None
    assert all(c.type != Condition.WAITING_FOR_INPUT for c in plan.status.conditions)


def test_of_several_pods_a_success_counts_first_and_then_a_time_out() -> None:
    timed_out = replace(STOPPED_POD, deadline=60, name="r-1")
    succeeded = said(replace(FAILED_POD, name="r-2"), "Succeeded")
    failed = replace(FAILED_POD, name="r-3")
    for pods, phase in (
        ((timed_out, succeeded), Phase.SUCCEEDED),
        ((succeeded, timed_out), Phase.SUCCEEDED),
        ((succeeded, failed), Phase.SUCCEEDED),
        ((timed_out, failed), Phase.TIMED_OUT),
    ):
        plan = decide(view(run(**RUNNING), job=job(), pods=pods))
        assert plan.status is not None
        assert plan.status.phase == phase


def test_of_several_failures_the_last_is_reported() -> None:
    pods = tuple(replace(FAILED_POD, exit_code=code) for code in (8, 9))
    plan = decide(view(run(**RUNNING), job=job(), pods=pods))
    assert plan.status is not None
    (finished,) = (c for c in plan.status.conditions if c.type == Condition.FINISHED)
    assert "exit code 9" in finished.message


def test_a_run_that_was_stopped_from_outside_keeps_what_its_runner_reported() -> None:
    pod = said(STOPPED_POD, "Stopped", checkpoint={"id": "c3", "count": 3})
    for found in (None, job(), job(finished=True, deadline_exceeded=True)):
        plan = decide(view(run(**RUNNING), job=found, pods=(pod,)))
        assert plan.status is not None and plan.status.checkpoint is not None
        assert plan.status.checkpoint.count == 3


def test_a_pod_whose_agent_never_started_is_not_reported_as_forced() -> None:
    """The kubelet reports exit code 137 for a container whose record it has lost."""
    evicted = replace(FAILED_POD, exit_code=137, disruption="TerminationByKubelet")
    for pod, forced in ((evicted, True), (replace(evicted, agent_started_at=None), None)):
        plan = decide(view(run(cancel="interrupt", **RUNNING), job=None, pods=(pod,)))
        assert plan.status is not None and plan.status.cancel is not None
        assert plan.status.cancel.forced is forced
