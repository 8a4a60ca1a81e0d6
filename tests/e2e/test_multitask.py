"""spec.multitaskStrategy: how a run starts if its thread is in use."""

import pytest

from . import deployment
from .deployment import created, writes
from .kubectl import kubectl
from .namespace import Namespace, agent_run
from .node import Vigil
from .operators import Operator
from .run import Run, condition, time


def started_after_the_end_of(second: Run, first_pod_ended: str) -> bool:
    started = second.pod()["status"]["containerStatuses"][0]["state"]["terminated"]["startedAt"]
    return time(started) >= time(first_pod_ended)


def test_reject_fails_at_once_and_leaves_the_thread_alone(ns: Namespace) -> None:
    first = ns.held_run()
    second = ns.run("steps", thread="t", input={"steps": 1}, multitaskStrategy="reject")
    failed = second.wait("Failed")
    assert condition(failed, "Finished") == ("True", "ThreadBusy")
    first.open_gate()
    assert first.wait("Succeeded")["status"]["output"]["done"] == [1, 2, 3, 4]
    assert created(ns.name, "jobs") == 1


def test_interrupt_takes_the_thread_and_resumes_from_what_the_older_run_left(
    ns: Namespace,
) -> None:
    """Failure mode 70."""
    first = ns.held_run()
    second = ns.run("steps", thread="t", multitaskStrategy="interrupt")
    done = first.wait("Interrupted")
    assert done["spec"]["cancel"] == "interrupt"
    assert second.name in done["spec"]["cancelReason"]
    end = first.pod()["status"]["containerStatuses"][0]["state"]["terminated"]["finishedAt"]
    assert second.wait("Succeeded")["status"]["output"]["done"] == [1, 2, 3, 4]
    assert started_after_the_end_of(second, end)


def test_a_stubborn_run_is_dead_before_the_newer_one_starts(ns: Namespace) -> None:
    """Failure mode 70."""
    first = ns.run("ignores-sigterm", thread="t", input={}, gracePeriodSeconds=3)
    first.wait_step(1)
    vigil = Vigil(first.uid)
    second = ns.run("echoes", thread="t", input={"text": "x"}, multitaskStrategy="interrupt")
    second.wait("Succeeded")
    died = vigil.last_seen_alive().replace(microsecond=0)  # the kubelet's times are whole seconds
    assert started_after_the_end_of(second, died.isoformat())


def test_rollback_takes_the_thread_as_if_the_older_run_had_never_been(ns: Namespace) -> None:
    ns.run("steps", thread="t", input={"steps": 1}).wait("Succeeded")
    first = ns.held_run()
    second = ns.run("steps", thread="t", input={"steps": 2}, multitaskStrategy="rollback")
    first.wait_gone()
    assert first.processes() == []
    assert second.wait("Succeeded")["status"]["output"]["done"] == [1, 2]
    assert first.uid not in ns.store().segments("threads/t")


@pytest.mark.parametrize("strategy", ["interrupt", "rollback"])
def test_runs_that_only_wait_are_cancelled_too(ns: Namespace, strategy: str) -> None:
    first = ns.held_run(gracePeriodSeconds=2)
    waits = ns.run("steps", thread="t", input={"steps": 1})
    waits.wait_waiting("ThreadBusy")
    last = ns.run("echoes", "zz-last", thread="t", input={"text": "x"}, multitaskStrategy=strategy)
    last.wait("Succeeded")
    assert first.processes() == []
    assert not any("create" in write for write in writes(ns.name, "jobs", waits.name))


def test_a_rollback_and_a_run_do_not_wait_for_each_other_when_both_have_the_finalizer(
    ns: Namespace, operator: Operator
) -> None:
    """Both runs have the finalizer, as if two operators had started them at once."""
    with operator.down():
        older, younger = (
            ns.run("steps", name, thread="t", input={"steps": 1}) for name in ("a", "z")
        )
        for run in (older, younger):
            claim = '{"metadata": {"finalizers": ["agentrun.dev/stop"]}}'
            options = ("-n", ns.name, "--type=merge", f"--as={deployment.USER}")
            kubectl("patch", "ar", run.name, *options, "-p", claim)
        younger.cancel("rollback")
    younger.wait_gone()
    assert older.wait("Succeeded")["status"]["output"]["done"] == [1]
    assert not any("create" in write for write in writes(ns.name, "jobs", younger.name))


@pytest.mark.parametrize("strategy", ["reject", "interrupt", "rollback"])
def test_of_two_runs_that_are_created_at_once_one_succeeds(ns: Namespace, strategy: str) -> None:
    spec = {"input": {"steps": 1}, "multitaskStrategy": strategy, "thread": "t"}
    ns.create(*(agent_run(name, "steps", **spec) for name in ("a", "z")))
    last = ns.existing_run("a" if strategy == "reject" else "z")
    assert last.wait("Succeeded")["status"]["output"]["done"][-1] == 1
