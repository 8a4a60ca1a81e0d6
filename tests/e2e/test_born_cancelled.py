"""A run that is created with spec.cancel set ends at once, and no Job is ever made for it."""

from . import deployment
from .namespace import Namespace
from .run import condition


def test_a_run_created_with_interrupt_is_interrupted_and_makes_nothing(ns: Namespace) -> None:
    """Failure mode 3."""
    run = ns.run("steps", thread="t", input={"steps": 1}, cancel="interrupt", cancelReason="oops")
    done = run.wait("Interrupted", seconds=10)
    status = done["status"]
    assert status["cancel"]["action"] == "interrupt"
    assert status["cancel"]["reason"] == "oops"
    assert "startedAt" not in status
    assert "jobName" not in status
    assert condition(done, "Started") == ("False", "NeverStarted")
    assert condition(done, "Finished") == ("True", "Interrupted")
    assert [reason for reason, _ in run.events(until="Interrupted")] == ["Interrupted"]
    assert_no_job_was_ever_made(ns)


def test_a_run_created_with_rollback_is_removed(ns: Namespace) -> None:
    """Failure modes 3 and 64."""
    run = ns.run("steps", thread="t", input={"steps": 1}, cancel="rollback")
    run.wait_gone(seconds=10)
    assert_no_job_was_ever_made(ns)


def test_a_run_created_with_a_cancel_does_not_hold_its_thread(ns: Namespace) -> None:
    ns.run("steps", thread="t", input={"steps": 1}, cancel="interrupt")
    ns.run("steps", thread="t", input={"steps": 1}).wait("Succeeded")
    assert deployment.created(ns.name, "jobs") == 1


def assert_no_job_was_ever_made(ns: Namespace) -> None:
    # The operator has had its chance when a run that was created later is through.
    ns.run("steps", thread="t", input={"steps": 1}).wait("Succeeded")
    assert deployment.created(ns.name, "jobs") == 1
    assert deployment.created(ns.name, "pods") == 1
