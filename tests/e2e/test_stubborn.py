"""Agents that do not stop on request: they are killed at the end of the grace period."""

import pytest

from . import deployment
from .namespace import Namespace, command_agent
from .node import Vigil
from .run import Run, time

GRACE = 3
# The time that the kubelet, the runtime and the API server may need beside the grace period.
OVERHEAD = 6


def interrupt(run: Run) -> None:
    """Interrupt it, and check that all its processes die in time, and before the status says so."""
    vigil = Vigil(run.uid)
    run.cancel("interrupt")
    status = run.wait("Interrupted")["status"]
    assert run.processes() == []
    assert vigil.last_seen_alive() < time(status["finishedAt"])
    assert status["cancel"]["forced"] is True
    took = (time(status["cancel"]["goneAt"]) - time(status["cancel"]["signalledAt"])).seconds
    assert took <= GRACE + OVERHEAD


@pytest.mark.parametrize("agent", ["ignores-sigterm", "blocks-in-c", "spins"])
def test_an_agent_that_ignores_its_stop_is_killed_when_its_grace_period_is_over(
    ns: Namespace, agent: str
) -> None:
    """Failure modes 5 and 68."""
    run = ns.run(agent, thread="t", input={}, gracePeriodSeconds=GRACE)
    run.wait_step(1)
    interrupt(run)
    report = run.log()[-1]
    assert (report["result"], report["forced"]) == ("Stopped", True)
    # Its earlier checkpoints are kept: that of the input, and that before the node.
    assert len(ns.store().checkpoints_of("threads/t", run.uid)) == 2


@pytest.mark.parametrize("agent", ["blocks-in-c", "swallows"])
def test_a_rollback_of_an_agent_that_ignores_its_stop_leaves_nothing(
    ns: Namespace, agent: str
) -> None:
    """Failure modes 65 and 68."""
    run = ns.run(agent, thread="t", input={}, gracePeriodSeconds=GRACE)
    run.wait_step(1)
    run.cancel("rollback")
    run.wait_gone(seconds=GRACE + OVERHEAD + 10)
    assert run.processes() == []
    assert ns.store().segments("threads/t") == []


def test_a_program_in_a_foreign_image_is_killed_too(ns: Namespace) -> None:
    """Failure mode 5."""
    deaf = (
        "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); "
        'print(\'{"event": "begin", "step": 1}\', flush=True); time.sleep(3600)'
    )
    image = deployment.operator_image()
    # The grace period is the Agent's: the run sets none.
    deaf_agent = command_agent("deaf", "python3", "-c", deaf, image=image, gracePeriodSeconds=GRACE)
    ns.create(deaf_agent)
    run = ns.run("deaf", thread="t", retries=2)
    run.wait_step(1)
    assert run.pod()["spec"]["terminationGracePeriodSeconds"] == GRACE
    interrupt(run)
    assert run.log()[-1]["step"] == 1, "its log is kept, though retries were left"
