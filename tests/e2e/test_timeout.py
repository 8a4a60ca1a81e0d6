"""spec.timeoutSeconds: stops a run like a cancel, and keeps its log and checkpoints."""

from . import deployment
from .namespace import Namespace, agent, command_agent
from .operators import Operator
from .run import condition, message, time

# Within this time the agent must start and reach its step, also on a busy machine.
TIMEOUT = 20


def test_a_run_that_takes_too_long_is_stopped_and_keeps_what_it_has(ns: Namespace) -> None:
    run = ns.held_run(timeoutSeconds=TIMEOUT, retries=2)
    done = run.wait("TimedOut", seconds=TIMEOUT + 30)
    assert condition(done, "Finished") == ("True", "TimedOut")
    assert "spec.timeoutSeconds" in message(done, "Finished")
    status = done["status"]
    lived = (time(status["finishedAt"]) - time(status["startedAt"])).total_seconds()
    assert lived < TIMEOUT + 6
    assert run.processes() == []
    assert run.log()[-1]["result"] == "Stopped"
    assert len(run.pods()) == 1, "no retry after a time-out"
    assert ns.store().state("t").values["done"] == [1, 2]
    onward = ns.run("steps", thread="t")
    assert onward.wait("Succeeded")["status"]["output"]["done"] == [1, 2, 3, 4]


def test_the_timeout_of_an_agent_is_the_default_of_its_runs(ns: Namespace) -> None:
    says = {"timeoutSeconds": TIMEOUT, "ttlSecondsAfterFinished": 2, "multitaskStrategy": "reject"}
    ns.create(agent("strict", graph="steps:graph", **says))
    config = {"configurable": {"hold": 1}}
    run = ns.run("strict", thread="t", input={"steps": 1}, config=config)
    run.wait("Running")
    other = ns.run("strict", thread="t", input={"steps": 1}, ttlSecondsAfterFinished=600)
    assert condition(other.wait("Failed"), "Finished") == ("True", "ThreadBusy")
    run.wait("TimedOut", seconds=TIMEOUT + 30)
    run.wait_gone(seconds=20)


def test_a_time_out_of_a_foreign_image_is_no_interrupt_and_keeps_its_log(ns: Namespace) -> None:
    """Retries are left: only the kubelet's status shows the time-out, and no exit code."""
    sleeps = "import time; print('{}', flush=True); time.sleep(3600)"
    image = deployment.operator_image()
    ns.create(command_agent("sleeps", "python3", "-c", sleeps, image=image))
    run = ns.run("sleeps", thread="t", timeoutSeconds=TIMEOUT, retries=2)
    done = run.wait("TimedOut", seconds=TIMEOUT + 30)
    assert condition(done, "Finished") == ("True", "TimedOut")
    assert run.processes() == []
    assert run.log() == [{}]


def test_a_time_out_needs_no_operator(ns: Namespace, operator: Operator) -> None:
    run = ns.held_run(timeoutSeconds=TIMEOUT)
    with operator.down():
        ended = run.wait_pod_ended()
        assert ended["status"]["reason"] == "DeadlineExceeded"
        assert run.processes() == []
    run.wait("TimedOut")
