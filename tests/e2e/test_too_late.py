"""A cancel of a run that has just ended by itself."""

import pytest

from . import deployment
from .kubectl import wait_until
from .namespace import Namespace, command_agent
from .operators import Operator
from .run import Run, condition, message
from .store import ThreadState

WAIT_AND_EXIT = (
    "import os, sys, time\n"
    "while not os.path.exists('/tmp/go'): time.sleep(0.02)\n"
    "sys.exit(int(os.environ['EXIT_CODE']))"
)


class Ended:
    """Runs that ended, and were then cancelled, while the operator was down."""

    def __init__(self, ns: Namespace, operator: Operator) -> None:
        for name, code in (("exits-0", "0"), ("exits-3", "3")):
            image, env = deployment.operator_image(), [{"name": "EXIT_CODE", "value": code}]
            ns.create(command_agent(name, "python3", "-c", WAIT_AND_EXIT, image=image, env=env))
        ns.run("steps", thread="rolled-back", input={"steps": 1}).wait("Succeeded")
        self.before: ThreadState = ns.store().state("rolled-back")
        config = {"recursionLimit": 3, "configurable": {"hold": 3}}
        self.success = ns.held_run(thread="success", hold=3)
        self.failure = ns.held_run(thread="failure", hold=3, config=config)
        self.rolled_back = ns.held_run(thread="rolled-back", hold=3)
        self.foreign = {name: ns.run(name, thread=name) for name in ("exits-0", "exits-3")}
        for run in self.foreign.values():
            run.wait("Running")
        with operator.down():
            for run in (self.success, self.failure, *self.foreign.values()):
                end_unseen(run)
                run.cancel("interrupt")
            end_unseen(self.rolled_back)
            self.rolled_back.cancel("rollback")


def end_unseen(run: Run) -> None:
    """Let the held run end."""
    run.open_gate()
    over = ("Succeeded", "Failed")
    selector = f"--selector=agentrun.dev/run-uid={run.uid}"
    wait_until("end", "pods", run.namespace, lambda pod: pod["status"]["phase"] in over, selector)


@pytest.fixture(scope="module")
def ended(shared_ns: Namespace, own_operator: Operator) -> Ended:
    shared_ns.instance = own_operator.instance
    own_operator.start()
    return Ended(shared_ns, own_operator)


def test_an_interrupt_leaves_a_success_a_success(ended: Ended, shared_ns: Namespace) -> None:
    """Failure mode 6."""
    run = ended.success
    done = run.wait("Succeeded")
    assert done["status"]["output"]["done"] == [1, 2, 3, 4]
    assert done["status"]["checkpoint"]["count"] == 6
    assert condition(done, "CancelTooLate") == ("True", "CancelTooLate")
    assert condition(done, "Finished") == ("True", "Succeeded")
    assert "before the signal" in message(done, "CancelTooLate")
    assert not done["status"]["cancel"].get("forced")
    assert run.events(until="CancelTooLate")
    assert len(shared_ns.store().checkpoints_of("threads/success", run.uid)) == 6


def test_a_rollback_is_carried_out_all_the_same(ended: Ended, shared_ns: Namespace) -> None:
    """Failure mode 6."""
    ended.rolled_back.wait_gone()
    store = shared_ns.store()
    assert store.state("rolled-back") == ended.before
    assert store.tombstones("threads/rolled-back") == {ended.rolled_back.uid}


def test_an_interrupt_leaves_a_failure_a_failure(ended: Ended) -> None:
    """Failure mode 6."""
    failed = ended.failure.wait("Failed")
    assert condition(failed, "Finished") == ("True", "AgentFailed")
    assert condition(failed, "CancelTooLate") == ("True", "CancelTooLate")


@pytest.mark.parametrize(("name", "phase"), [("exits-0", "Succeeded"), ("exits-3", "Failed")])
def test_a_program_in_a_foreign_image_that_had_ended_keeps_its_end(
    ended: Ended, name: str, phase: str
) -> None:
    done = ended.foreign[name].wait(phase)
    assert condition(done, "CancelTooLate") == ("True", "CancelTooLate")
