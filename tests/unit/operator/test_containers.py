"""Pods with more containers than the agent's."""

from typing import Any

import pytest

from agentrun_kube.vocabulary import Condition, Phase, Reason
from agentrun_operator.facts.pods import pod_facts
from agentrun_operator.runs.policy.decide import decide
from agentrun_operator.runs.policy.outcome import outcome_of_pods

from .states import UID, job, run, view

AT = "2026-01-01T00:00:00Z"
Object = dict[str, Any]


def ended(name: str, code: int, message: str = "") -> Object:
    end = {"exitCode": code, "startedAt": AT, "finishedAt": AT, "message": message}
    return {"name": name, "state": {"terminated": end}}


def runs(name: str) -> Object:
    return {"name": name, "state": {"running": {"startedAt": AT}}}


def waits(name: str) -> Object:
    return {"name": name, "state": {"waiting": {"reason": "PodInitializing"}}}


def pod(phase: str, *containers: Object, init: tuple[Object, ...] = ()) -> Object:
    meta: Object = {"name": "r-abc", "uid": "p", "creationTimestamp": AT}
    meta["labels"] = {"agentrun.dev/run-uid": UID}
    meta["ownerReferences"] = [{"kind": "Job", "name": "r", "uid": "job-uid", "controller": True}]
    return {
        "metadata": meta,
        "spec": {"nodeName": "n1"},
        "status": {
            "phase": phase,
            "containerStatuses": list(containers),
            "initContainerStatuses": list(init),
        },
    }


def test_an_agent_that_has_ended_is_not_reported_as_running() -> None:
    done = ended("agent", 0, '{"result": "Succeeded"}')
    lingers = pod_facts(pod("Running", done, runs("proxy")))
    this = run(has_finalizer=True, phase=Phase.RUNNING, jobName="r", podName="r-abc")
    plan = decide(view(this, job=job(), pods=(lingers,)))
    assert plan.status is not None
    (started,) = [c for c in plan.status.conditions if c.type == Condition.STARTED]
    assert started.reason == Reason.POD_LINGERS
    assert "pod r-abc has not: proxy still runs" in started.message
    assert "spec.podTemplate of Agent a" in started.message
    assert [event.reason for event in plan.events] == [Reason.POD_LINGERS]


def test_a_sidecar_beside_a_running_agent_does_not_linger() -> None:
    assert pod_facts(pod("Running", runs("agent"), runs("proxy"))).lingering == ()


def test_a_run_whose_workspace_cannot_be_created_fails_with_the_reason() -> None:
    account = '{"result": "Failed", "reason": "StoreFailed", "message": "No space left on device"}'
    end = outcome_of_pods(
        (pod_facts(pod("Failed", waits("agent"), init=(ended("workspace", 1, account),))),)
    )
    assert end is not None
    assert (end.phase, end.reason) == (Phase.FAILED, "StoreFailed")
    assert end.message == "No space left on device"


def test_an_init_container_of_the_agent_does_not_report_for_the_run() -> None:
    """It may have written anything, and its exit code is not the agent's."""
    account = '{"result": "Succeeded"}'
    found = pod_facts(
        pod(
            "Failed",
            waits("agent"),
            init=(ended("fetch", 0, account), ended("check", 2, account)),
        )
    )
    assert (found.report, found.exit_code) == (None, None)
    end = outcome_of_pods((found,))
    assert end is not None
    assert end.phase == Phase.FAILED
    assert "check ended with exit code 2" in end.message


@pytest.mark.parametrize("started", [None, "1970-01-01T00:00:00Z"])
def test_an_agent_whose_program_does_not_exist_has_not_started(started: str | None) -> None:
    """containerd reports 1970 as the start of a container that it cannot start."""
    cannot = {"reason": "StartError", "message": 'exec: "typo": executable file not found'}
    end = {"exitCode": 128, "startedAt": started, "finishedAt": AT, **cannot}
    found = pod_facts(pod("Failed", {"name": "agent", "state": {"terminated": end}}))
    plan = decide(view(run(has_finalizer=True, jobName="r"), job=job(), pods=(found,)))
    assert plan.status is not None
    assert (plan.status.attempts, plan.status.started_at) == (None, None)
    conditions = {c.type: c for c in plan.status.conditions}
    assert conditions[Condition.STARTED].status == "False"
    finished = conditions[Condition.FINISHED]
    assert finished.reason == Reason.AGENT_FAILED
    assert finished.message == f"Pod r-abc failed (StartError: {cannot['message']})."
