"""kubectl delete of a run: the operator stops a live one first."""

from .kubectl import get, kubectl, watch
from .namespace import Namespace
from .node import Vigil
from .operators import Operator
from .run import Run


def watch_deletion(run: Run) -> list[str]:
    """Delete the run. Returns its phases until it is gone."""
    seen = watch("ar", run.namespace, f"--field-selector=metadata.name={run.name}")
    next(seen)
    run.delete()
    phases: list[str] = []
    for event, obj in seen:
        if event == "DELETED":
            return phases
        assert obj["metadata"].get("deletionTimestamp"), "it must not be changed before"
        phases.append(obj["status"]["phase"])
    raise AssertionError(f"{run.name} is still there, after {phases}")


def test_a_deleted_run_stays_until_its_processes_are_gone(ns: Namespace) -> None:
    """Failure modes 13 and 66."""
    run = ns.run("ignores-sigterm", thread="t", input={}, gracePeriodSeconds=3)
    run.wait_step(1)
    vigil = Vigil(run.uid)
    phases = watch_deletion(run)
    assert run.processes() == []
    assert "Cancelling" in phases
    vigil.last_seen_alive()
    checkpoints = ns.store().checkpoints_of("threads/t", run.uid)
    assert len(checkpoints) == 2, "the checkpoints of a named thread are its history"


def test_the_job_and_the_pod_of_a_run_go_with_it(ns: Namespace) -> None:
    """Failure modes 20b and 66."""
    run = ns.held_run()
    pod = run.pod()["metadata"]["name"]
    run.delete()
    run.wait_gone()
    assert run.processes() == []
    for kind, name in (("job", run.name), ("pod", pod)):
        kubectl("wait", kind, name, "-n", ns.name, "--for=delete", "--timeout=60s")
    onward = ns.run("steps", thread="t")
    assert onward.wait("Succeeded")["status"]["output"]["done"] == [1, 2, 3, 4]


def test_the_checkpoints_of_a_run_without_a_thread_go_with_it(ns: Namespace) -> None:
    run = ns.held_run(thread=None)
    assert ns.store().threads() == [f"stateless/{run.uid}"]
    run.delete()
    run.wait_gone()
    assert ns.store().threads() == []


def test_without_the_operator_a_finished_run_can_be_deleted_and_a_live_one_by_hand(
    ns: Namespace, operator: Operator
) -> None:
    """Failure mode 40. The test follows the README's steps by hand."""
    run = ns.run("steps", thread="t", input={"steps": 1})
    run.wait("Succeeded")
    live = ns.held_run(thread="u")
    with operator.down():
        kubectl("delete", "ar", run.name, "-n", ns.name, "--timeout=10s")
        live.delete()
        assert live.get()["metadata"]["finalizers"] == ["agentrun.dev/stop"]
        kubectl("delete", "job", live.name, "-n", ns.name)
        pods = ("pod", "-l", f"agentrun.dev/run-uid={live.uid}", "-n", ns.name)
        kubectl("wait", *pods, "--for=delete", "--timeout=60s")
        assert live.processes() == []
        live.patch({"metadata": {"finalizers": None}})
        live.wait_gone(seconds=10)
    assert ns.store().segments("threads/t") == [run.uid]


def test_a_waiting_run_goes_at_once(ns: Namespace) -> None:
    run = ns.run("nobody", thread="t")
    run.wait_waiting("AgentNotFound")
    kubectl("delete", "ar", run.name, "-n", ns.name, "--timeout=10s")
    assert get("ar", ns.name, run.name) is None


def test_a_requested_rollback_is_done_before_the_run_goes(ns: Namespace) -> None:
    """Failure mode 41."""
    run = ns.held_run()
    run.cancel("rollback")
    run.delete()
    run.wait_gone()
    assert run.processes() == []
    assert ns.store().segments("threads/t") == []


def test_a_namespace_with_live_runs_can_be_deleted(ns: Namespace) -> None:
    """Failure mode 42."""
    named = ns.held_run(thread="t")
    nameless = ns.held_run(thread=None)
    rolled_back = ns.held_run(thread="u")
    rolled_back.cancel("rollback")
    kubectl("delete", "namespace", ns.name, "--timeout=60s")
    for run in (named, nameless, rolled_back):
        assert run.processes() == []
