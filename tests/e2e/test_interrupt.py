"""spec.cancel: interrupt of a run that runs."""

from datetime import timedelta
from typing import Any

import pytest

from .deployment import wait_unwatched, writes
from .kubectl import kubectl, watch
from .namespace import Namespace
from .node import Vigil
from .run import Run, condition, time


class Interrupted:
    """A run that was interrupted in its third step, with the observations during it."""

    def __init__(self, ns: Namespace) -> None:
        self.ns = ns
        self.run = run = ns.held_run(hold=3)
        self.pod = run.pod()["metadata"]["uid"]
        self.processes = run.processes()
        vigil = Vigil(run.uid)
        seen = watch("ar", ns.name, f"--field-selector=metadata.name={run.name}")
        self.phases = [next(seen)[1]["status"]["phase"]]
        run.cancel("interrupt", "too expensive")
        for _, obj in seen:
            phase = obj["status"]["phase"]
            if phase == "Interrupted":
                self.alive_then = run.processes()
                break
            self.phases.append(phase)
        self.finished_at = time(obj["status"]["finishedAt"])
        self.last_seen_alive = vigil.last_seen_alive()


@pytest.fixture(scope="module")
def interrupted(shared_ns: Namespace) -> Interrupted:
    return Interrupted(shared_ns)


def test_a_run_reads_interrupted_only_when_no_process_is_alive(interrupted: Interrupted) -> None:
    """Failure mode 13."""
    assert interrupted.processes, "the truth must be able to find the agent"
    assert interrupted.alive_then == []
    assert interrupted.last_seen_alive < interrupted.finished_at
    phases = interrupted.phases
    assert set(phases) == {"Running", "Cancelling"}
    assert phases == sorted(phases, key=["Running", "Cancelling"].index), "no way back"


def test_the_status_tells_who_cancelled_when_and_what_was_done(interrupted: Interrupted) -> None:
    """Failure mode 14."""
    run = interrupted.run
    events = run.events(until="Interrupted")
    done = run.get()
    status = done["status"]
    cancel = status["cancel"]
    assert cancel["action"] == "interrupt"
    assert cancel["reason"] == "too expensive"
    assert cancel["by"] == "kubectl-patch"
    # The API server records whole seconds.
    assert time(cancel["requestedAt"]) < time(cancel["signalledAt"]) + timedelta(seconds=1)
    assert time(cancel["signalledAt"]) < time(cancel["goneAt"]) <= time(status["finishedAt"])
    assert not cancel.get("forced"), "the agent stops on request"
    assert condition(done, "Stopped") == ("True", "PodTerminated")
    assert condition(done, "Finished") == ("True", "Interrupted")
    assert condition(done, "CancelTooLate") is None
    assert not done["metadata"].get("finalizers")
    assert [reason for reason, _ in events] == ["AgentStarted", "Cancelling", "Interrupted"]
    assert "kubectl-patch" in events[1][1]
    assert "too expensive" in events[1][1]


def test_pod_and_log_are_still_there_after_an_interrupt(interrupted: Interrupted) -> None:
    pod = interrupted.run.pod()
    assert pod["metadata"]["uid"] == interrupted.pod
    assert pod["status"]["phase"] == "Failed"
    log = interrupted.run.log()
    assert [line["event"] for line in log[-2:]] == ["stopping", "finished"]
    assert log[-1]["result"] == "Stopped"
    assert "step 2" not in log[-1]["message"]


def test_a_run_without_input_resumes_from_the_checkpoint(interrupted: Interrupted) -> None:
    """Failure mode 33."""
    before = interrupted.ns.store().state("t")
    onward = interrupted.ns.run("steps", thread="t")
    done = onward.wait("Succeeded")
    assert done["status"]["output"]["done"] == [1, 2, 3, 4]
    begun = [line["step"] for line in onward.log() if line["event"] == "begin"]
    assert begun == [3, 4], "finished steps must not be done again"
    assert interrupted.ns.store().state("t").ids[-len(before.ids) :] == before.ids


def test_every_acknowledged_checkpoint_is_kept(ns: Namespace) -> None:
    run = ns.run("steps", thread="t", input={"steps": 5000}, config={"recursionLimit": 9999})
    run.wait_step(20)
    run.cancel("interrupt")
    status = run.wait("Interrupted")["status"]
    begun = max(line["step"] for line in run.log() if line["event"] == "begin")
    assert 20 <= begun < 5000
    store = ns.store()
    done = store.state("t").values["done"]
    # A step begins when the store has acknowledged the checkpoint of the one before.
    assert done in (list(range(1, begun)), list(range(1, begun + 1)))
    checkpoints = store.checkpoints_of("threads/t", run.uid)
    assert len(checkpoints) == status["checkpoint"]["count"] == len(done) + 2
    assert status["checkpoint"]["id"] == store.state("t").ids[0]


def test_the_writes_of_a_finished_node_of_an_unfinished_step_are_kept(ns: Namespace) -> None:
    """Failure mode 33."""
    # A stop interrupts only one of parallel nodes: the others are killed at the end of the grace.
    held: dict[str, Any] = {
        "config": {"configurable": {"hold": ["right"]}},
        "gracePeriodSeconds": 2,
    }
    run = ns.run("fans-out", thread="t", input={}, **held)
    run.wait("Running")
    run.wait_log(event="updates", data={"left": {"done": ["left"]}})
    run.wait_log(event="begin", node="right")
    run.cancel("interrupt")
    run.wait("Interrupted")
    onward = ns.run("fans-out", thread="t")
    assert sorted(onward.wait("Succeeded")["status"]["output"]["done"]) == ["left", "right"]
    begun = [line["node"] for line in onward.log() if line["event"] == "begin"]
    assert begun == ["right"], "left had finished, and must not run again"


def test_the_same_cancel_twice_is_one_cancel(ns: Namespace) -> None:
    """Failure mode 8."""
    run = ns.run("ignores-sigterm", thread="t", input={}, gracePeriodSeconds=3)
    run.wait_step(1)
    told = len(statuses_written(run))
    run.cancel("interrupt")
    run.wait_until("is signalled", lambda obj: "signalledAt" in obj["status"].get("cancel", {}))
    assert_changes_nothing(run)
    run.wait("Interrupted")
    assert_changes_nothing(run)
    reasons = [reason for reason, _ in run.events(until="Interrupted")]
    assert reasons == ["AgentStarted", "Cancelling", "Interrupted"]
    assert len(statuses_written(run)) == told + 2
    pod = run.pod()["metadata"]["name"]
    wait_unwatched("pods", ns.name, pod)
    assert len(writes(ns.name, "pods", pod)) == 2, "the stop, and the label in the end"


def assert_changes_nothing(run: Run) -> None:
    """Request the same interrupt once more, and check that nothing changes."""
    before = run.get()["metadata"]["resourceVersion"]
    run.cancel("interrupt")
    assert run.get()["metadata"]["resourceVersion"] == before


def statuses_written(run: Run) -> list[str]:
    written = writes(run.namespace, "agentruns", run.name)
    return [write for write in written if "/status/" in write and write.endswith("-> 200")]


def test_async_nodes_are_stopped_without_force(ns: Namespace) -> None:
    """Failure mode 5."""
    run = ns.run("async-steps", thread="t", input={})
    run.wait_step(2)
    run.cancel("interrupt")
    assert not run.wait("Interrupted", seconds=20)["status"]["cancel"].get("forced")
    assert ns.store().state("t").values["done"] == ["quick"]


def test_an_agent_that_swallows_its_stop_gets_no_further(ns: Namespace) -> None:
    """Failure mode 69."""
    run = ns.run("swallows", thread="t", input={})
    run.wait_step(1)
    run.cancel("interrupt")
    run.wait("Interrupted", seconds=20)
    events = [(line["event"], line.get("step")) for line in run.log()]
    assert ("swallowed", None) in events
    assert ("begin", 2) not in events
    assert "text" not in ns.store().state("t").values


def test_runs_are_cancelled_by_label_with_plain_kubectl(ns: Namespace) -> None:
    """Failure mode 60."""
    runs = [ns.held_run(thread=name) for name in ("a", "b", "c")]
    for run in runs[:2]:
        kubectl("label", "ar", run.name, "-n", ns.name, "team=x")
    patch = '--patch={"spec":{"cancel":"interrupt"}}'
    names = kubectl("get", "ar", "-n", ns.name, "-l", "team=x", "-oname").split()
    kubectl("patch", "-n", ns.name, "--type=merge", patch, *names)
    for run in runs[:2]:
        run.wait("Interrupted")
        assert run.processes() == []
    assert runs[2].status["phase"] == "Running"
