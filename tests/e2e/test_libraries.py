"""LangGraph with other libraries, as users combine them."""

from .namespace import Namespace, agent
from .run import condition, time

# The most that an agent's end may take after its last checkpoint, plus the time that the kubelet,
# the runtime and the API server may need on a busy machine.
EXIT = 2
OVERHEAD = 6


def test_libraries_that_take_sigterm_or_wait_at_the_exit_do_not_hold_up_an_interrupt(
    ns: Namespace,
) -> None:
    run = ns.run("takes-sigterm", thread="t", input={}, gracePeriodSeconds=60)
    run.wait_step(3)
    run.cancel("interrupt")
    status = run.wait("Interrupted")["status"]
    assert not status["cancel"].get("forced")
    took = (time(status["cancel"]["goneAt"]) - time(status["cancel"]["signalledAt"])).seconds
    assert took <= EXIT + OVERHEAD
    events = [line["event"] for line in run.log()]
    assert "begin" not in events[events.index("stopping") :], "no step begins after the signal"
    assert events[-1] == "finished"


def test_error_handlers_work_and_a_paused_entrypoint_has_questions_and_no_output(
    ns: Namespace,
) -> None:
    ns.create(agent("entrypoint", graph="handles:asks"))
    handled = ns.run("handles", input={})
    ns.run("entrypoint", thread="t", input="one").wait("Succeeded")
    paused = ns.run("entrypoint", thread="t", input="two?").wait("Succeeded")
    answered = ns.run("entrypoint", thread="t", resume="yes").wait("Succeeded")
    assert "output" not in paused["status"]
    assert [asked["value"] for asked in paused["status"]["interrupts"]] == ["sure?"]
    assert answered["status"]["output"] == "yes"
    assert handled.wait("Succeeded")["status"]["output"] == {"text": "fail: the model said no"}


def test_what_one_agent_leaves_in_a_thread_runs_nothing_in_the_pod_of_another(
    ns: Namespace,
) -> None:
    secret = {"name": "APP_SECRET", "value": "hidden"}
    ns.create(agent("victim", graph="asks:graph", env=[secret]))
    poisoning = ns.run("poisons", thread="t", input={})
    poisoning.wait("Succeeded")
    assert "stolen" in [line["event"] for line in poisoning.log()], "the call is a real one"
    victim = ns.run("victim", thread="t", input={"plan": "shoes"}, retries=2)
    failed = victim.wait("Failed")
    assert condition(failed, "Finished") == ("True", "CheckpointRefused")
    assert failed["status"]["attempts"] == 1
    log = victim.log()
    assert "stolen" not in [line["event"] for line in log]
    assert "os:system" in log[-1]["message"]
    assert "spec.runtime.langgraph.allowedModules" in log[-1]["message"]
