"""Jobs that a queue or a user suspends: the tests do what Kueue does when it preempts."""

import json
from typing import Any

from .kubectl import Object, get, kubectl, wait_until
from .namespace import Namespace, agent, command_agent
from .run import Run, condition, message

TRACKING = "batch.kubernetes.io/job-tracking"
SELECTOR = {"kubernetes.io/os": "linux"}


def patch_job(run: Run, patch: Object, *options: str) -> None:
    text = json.dumps(patch)
    kubectl("patch", "job", run.name, "-n", run.namespace, "--type=merge", "-p", text, *options)


def suspend(run: Run) -> None:
    patch_job(run, {"spec": {"suspend": True}})


def resume_like_kueue(run: Run) -> None:
    """Clear the start time, set the node selector of the next pod, and resume."""
    patch_job(run, {"status": {"startTime": None}}, "--subresource=status")
    template = {"metadata": {"labels": {"queue": "q"}}, "spec": {"nodeSelector": SELECTOR}}
    patch_job(run, {"spec": {"template": template}})
    patch_job(run, {"spec": {"suspend": False}})


def wait_job_gone(run: Run) -> None:
    kubectl("wait", "job", run.name, "-n", run.namespace, "--for=delete", "--timeout=20s")


def is_preempted(obj: Object) -> bool:
    return condition(obj, "Started") == ("True", "Preempted")


def test_a_preempted_run_keeps_its_thread_and_resumes_in_its_next_pod(ns: Namespace) -> None:
    """Twice, and without retries: a preemption uses none up."""
    run = ns.held_run(thread="t", hold=3)
    next_run = ns.run("steps", thread="t", input={"steps": 1})
    started = run.status["startedAt"]
    for attempt in (1, 2):
        first = run.pod()["metadata"]["name"]
        suspend(run)
        assert "spec.suspend: true" in run.wait_waiting("Preempted")
        assert run.processes() == []
        found = run.get()
        assert found["status"]["phase"] == "Pending"
        assert found["metadata"]["finalizers"] == ["agentrun.dev/stop"]
        assert (found["status"]["attempts"], found["status"]["startedAt"]) == (attempt, started)
        next_run.wait_waiting("ThreadBusy")
        resume_like_kueue(run)
        run.wait_until(
            "runs in its next pod",
            lambda obj, before=first: (  # type: ignore[misc]
                obj["status"]["phase"] == "Running" and obj["status"]["podName"] != before
            ),
        )
        assert run.pod()["spec"]["nodeSelector"] == SELECTOR
    run.open_gate()
    status = run.wait("Succeeded")["status"]
    assert (status["attempts"], status["startedAt"]) == (3, started)
    assert status["output"]["done"] == [1, 2, 3, 4]
    assert [line["step"] for line in run.log() if line["event"] == "begin"] == [3, 4]
    assert [reason for reason, _ in run.events()].count("Preempted") == 2
    next_run.wait("Succeeded")


def test_a_cancel_ends_a_suspended_run_at_once(ns: Namespace) -> None:
    """By each kind of cancel, with a Job that is suspended before and after its agent started."""
    never = agent(
        "nowhere", graph="steps:graph", podTemplate={"spec": {"nodeSelector": {"x": "y"}}}
    )
    ns.create(never)
    queued = [ns.run("nowhere", thread=f"q{number}", input={"steps": 1}) for number in range(2)]
    interrupted, rolled_back, deleted, lost = (ns.held_run(thread=t, hold=2) for t in "abcd")
    for run in queued:
        run.wait_waiting("Unschedulable")
    for run in (*queued, interrupted, rolled_back, deleted, lost):
        suspend(run)
    for run in queued:
        run.wait_waiting("Queued")
    for run in (interrupted, rolled_back, deleted, lost):
        run.wait_waiting("Preempted")
    queued[0].cancel("interrupt")
    queued[1].cancel("rollback")
    interrupted.cancel("interrupt")
    rolled_back.cancel("rollback")
    deleted.delete()
    kubectl("delete", "job", lost.name, "-n", ns.name, "--wait=false")
    queued[0].wait("Interrupted", seconds=15)
    status = interrupted.wait("Interrupted", seconds=15)["status"]
    assert (status["attempts"], "startedAt" in status) == (1, True)
    assert condition({"status": lost.wait("Failed")["status"]}, "Finished") == ("True", "JobLost")
    queued[1].wait_gone()
    rolled_back.wait_gone()
    deleted.wait_gone()
    for run in (*queued, interrupted, rolled_back, deleted, lost):
        wait_job_gone(run)
        assert run.pods() == []
    copy = ns.store()
    assert copy.state("a").values["done"] == copy.state("c").values["done"] == [1]
    assert copy.segments("threads/b") == []


def test_a_pod_that_a_suspension_stops_is_alive_until_its_kubelet_says_so(ns: Namespace) -> None:
    """A cancel then waits for it; a time-out in that moment ends the run."""
    stubborn: dict[str, Any] = {"input": {}, "gracePeriodSeconds": 12}
    cancelled = ns.run("ignores-sigterm", thread="a", **stubborn)
    late = ns.run("ignores-sigterm", thread="b", **stubborn, timeoutSeconds=12)
    for run in (cancelled, late):
        run.wait_step(1)
    suspend(cancelled)
    stopping = cancelled.wait_until("is being stopped", is_preempted)
    assert stopping["status"]["phase"] == "Running"
    assert "is being stopped and has up to 12 s" in message(stopping, "Started")
    assert cancelled.processes() != []
    cancelled.cancel("interrupt")
    stopping = cancelled.wait("Cancelling")
    assert condition(stopping, "Stopped") == ("False", "WaitingForPod")
    status = cancelled.wait("Interrupted", seconds=40)["status"]
    assert cancelled.processes() == []
    assert status["cancel"]["forced"] is True
    late.wait("TimedOut", seconds=60)
    wait_job_gone(cancelled)


def test_a_foreign_program_and_a_namespace_may_be_suspended_too(ns: Namespace) -> None:
    """The namespace is deleted while the run waits: nothing blocks its deletion."""
    ns.create(command_agent("sleeps", "sleep", "600"))
    run = ns.run("sleeps", thread="t", input={})
    run.wait("Running")
    suspend(run)
    run.wait_waiting("Preempted")
    assert get("job", ns.name, run.name) is not None
    kubectl("delete", "namespace", ns.name, "--wait=false")
    kubectl("wait", "namespace", ns.name, "--for=delete", "--timeout=90s")


def test_a_finished_run_leaves_no_suspended_job(ns: Namespace) -> None:
    """Its agent completed as the Job was suspended: the Job is not started once more."""
    run = ns.held_run(thread="t", hold=2)
    run.open_gate()
    suspend(run)
    wait_until(
        "has an end or waits",
        "ar",
        ns.name,
        lambda obj: (
            obj["status"]["phase"] == "Succeeded"
            or condition(obj, "Started") == ("False", "Preempted")
        ),
        f"--field-selector=metadata.name={run.name}",
    )
    if run.status["phase"] != "Succeeded":
        resume_like_kueue(run)
    status = run.wait("Succeeded")["status"]
    assert status["output"]["done"] == [1, 2, 3]
