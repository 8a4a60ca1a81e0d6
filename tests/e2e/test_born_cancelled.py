"""A run that is created with spec.cancel ends at once, and the operator never creates a Job."""

from typing import Any

import pytest

from . import deployment
from .namespace import Namespace
from .run import Run, condition


class Born:
    """Runs of one thread that were created with a cancel, and one that was created after them."""

    def __init__(self, ns: Namespace) -> None:
        self.namespace = ns.name
        run: dict[str, Any] = {"thread": "t", "input": {"steps": 1}}
        self.interrupted = ns.run("steps", **run, cancel="interrupt", cancelReason="oops")
        self.interrupted.wait("Interrupted", seconds=10)
        self.rolled_back = ns.run("steps", **run, cancel="rollback")
        self.rolled_back.wait_gone(seconds=10)
        ns.run("steps", **run, cancel="interrupt")
        self.later = ns.run("steps", **run)


@pytest.fixture(scope="module")
def born(shared_ns: Namespace) -> Born:
    return Born(shared_ns)


def test_a_run_created_with_interrupt_is_interrupted(born: Born) -> None:
    """Failure mode 3."""
    run: Run = born.interrupted
    done = run.get()
    status = done["status"]
    assert status["phase"] == "Interrupted"
    assert status["cancel"]["action"] == "interrupt"
    assert status["cancel"]["reason"] == "oops"
    assert "startedAt" not in status
    assert "jobName" not in status
    assert condition(done, "Started") == ("False", "NeverStarted")
    assert condition(done, "Finished") == ("True", "Interrupted")
    assert [reason for reason, _ in run.events(until="Interrupted")] == ["Interrupted"]


def test_a_run_created_with_rollback_is_removed(born: Born) -> None:
    """Failure modes 3 and 64."""
    assert born.rolled_back.get_if_there() is None


def test_a_run_created_with_a_cancel_does_not_hold_its_thread_and_makes_nothing(born: Born) -> None:
    # Once a run that was created later has succeeded, the operator has handled this one too.
    born.later.wait("Succeeded")
    assert deployment.created(born.namespace, "jobs") == 1
    assert deployment.created(born.namespace, "pods") == 1
