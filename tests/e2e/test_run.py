"""A run from beginning to end: its status, its log and its checkpoints."""

import json

import pytest

from .deployment import writes
from .namespace import Namespace, agent
from .run import Run, condition, message, time

# Finalizer on and off, and a few states in between. An operator in a loop would make hundreds.
FEW_WRITES = 8


@pytest.fixture(scope="module")
def finished(shared_ns: Namespace) -> Run:
    """A run of three steps that has succeeded, alone in its namespace."""
    run = shared_ns.run("steps", thread="talk", input={"steps": 3})
    run.wait("Succeeded")
    return run


def test_the_status_says_how_a_run_ended(finished: Run) -> None:
    done = finished.get()
    status = done["status"]
    assert status["output"] == {"steps": 3, "done": [1, 2, 3]}
    assert condition(done, "Started") == ("True", "AgentStarted")
    assert condition(done, "Finished") == ("True", "Succeeded")
    assert status["observedGeneration"] == done["metadata"]["generation"]
    assert status["jobName"] == finished.name
    assert status["podName"] == finished.pod()["metadata"]["name"]
    assert status["claimName"] == "agentrun-store"
    created = time(done["metadata"]["creationTimestamp"])
    assert created <= time(status["startedAt"]) <= time(status["finishedAt"])
    assert finished.processes() == []
    assert not done["metadata"].get("finalizers"), "a finished run must need no operator to go"


def test_the_checkpoints_in_the_status_are_those_in_the_store(
    shared_ns: Namespace, finished: Run
) -> None:
    checkpoint = finished.status["checkpoint"]
    store = shared_ns.store()
    assert store.threads() == ["threads/talk"]
    assert store.segments("threads/talk") == [finished.uid]
    in_store = store.checkpoints_of("threads/talk", finished.uid)
    # Checkpoints: one for the input, one before the first step, and one after each step.
    assert len(in_store) == checkpoint["count"] == 5
    assert checkpoint["id"] == max(in_store) == store.state("talk").ids[0]
    assert store.state("talk").values["done"] == [1, 2, 3]


def test_the_log_is_a_stream_of_json_events(finished: Run) -> None:
    log = finished.log()
    events = [line["event"] for line in log]
    assert events == ["started", *["begin", "updates"] * 3, "finished"]
    updates = [line["data"] for line in log if line["event"] == "updates"]
    assert updates == [{"step": {"done": [number]}} for number in (1, 2, 3)]
    assert log[-1]["result"] == "Succeeded"
    times = [time(line["time"]) for line in log if "time" in line]
    assert times == sorted(times)


def test_events_tell_of_the_start_and_of_the_end(finished: Run) -> None:
    reasons = [reason for reason, _ in finished.events(until="Succeeded")]
    assert reasons == ["AgentStarted", "Succeeded"]


def test_the_stream_can_be_followed_while_the_agent_runs(ns: Namespace) -> None:
    run = ns.run("steps", input={"steps": 2}, config={"configurable": {"hold": 2}})
    run.wait("Running")
    assert run.wait_log(event="updates")["data"] == {"step": {"done": [1]}}
    assert run.status["phase"] == "Running"
    run.open_gate()
    run.wait("Succeeded")


def test_a_run_resumes_from_the_last_run_of_its_thread(ns: Namespace) -> None:
    first = ns.run("steps", thread="talk", input={"steps": 2})
    first.wait("Succeeded")
    second = ns.run("steps", thread="talk", input={"steps": 4})
    assert second.wait("Succeeded")["status"]["output"]["done"] == [1, 2, 3, 4]
    assert [line["step"] for line in second.log() if line["event"] == "begin"] == [3, 4]
    assert ns.store().segments("threads/talk") == [first.uid, second.uid]


def test_a_run_without_a_thread_has_one_of_its_own(ns: Namespace) -> None:
    first = ns.run("steps", input={"steps": 1})
    second = ns.run("steps", input={"steps": 1})
    for run in (first, second):
        done = run.wait("Succeeded")
        assert done["status"]["output"]["done"] == [1]
        assert done["status"]["checkpoint"]["count"] == 3
    assert ns.store().threads() == sorted(f"stateless/{run.uid}" for run in (first, second))


def test_configurable_values_and_the_recursion_limit_reach_the_graph(ns: Namespace) -> None:
    run = ns.run("steps", thread="t", input={"steps": 9}, config={"recursionLimit": 3})
    failed = run.wait("Failed")
    assert condition(failed, "Finished") == ("True", "AgentFailed")
    assert "spec.config.recursionLimit" in message(failed, "Finished")


def test_a_graph_that_raises_fails_the_run_and_keeps_what_was_done(ns: Namespace) -> None:
    run = ns.run("raises", thread="t", input={})
    failed = run.wait("Failed")
    assert condition(failed, "Finished") == ("True", "AgentFailed")
    assert "the model said no" in message(failed, "Finished")
    reasons = [reason for reason, _ in run.events(until="AgentFailed")]
    assert reasons == ["AgentStarted", "AgentFailed"]
    assert ns.store().state("t").values["text"] == "fine"
    assert len(run.pods()) == 1, "a failed agent must not be run again"


def test_an_agent_that_runs_out_of_memory_says_so(ns: Namespace) -> None:
    limits = {"limits": {"memory": "192Mi"}}
    ns.create(agent("hungry", graph="eats_memory:graph", resources=limits))
    failed = ns.run("hungry", input={}).wait("Failed")
    assert "memory" in message(failed, "Finished")
    assert "spec.resources.limits.memory" in message(failed, "Finished")


def test_the_environment_of_an_agent_reaches_its_graph(ns: Namespace) -> None:
    ns.create(
        agent(
            "greets",
            runtime={"command": {"command": ["sh", "-c", 'echo "{\\"said\\": \\"$GREETING\\"}"']}},
            env=[{"name": "GREETING", "value": "hello"}],
        )
    )
    run = ns.run("greets")
    run.wait("Succeeded")
    assert {"said": "hello"} in run.log()


def test_a_large_input_arrives_whole_and_costs_no_more_writes(ns: Namespace) -> None:
    """Failure mode 45."""
    text = "x" * 200_000
    run = ns.run("echoes", input={"text": text})
    done = run.wait("Succeeded")
    assert run.log()[-1]["output"] == {"text": text}
    assert "annotations" not in done["metadata"], "nothing of it is kept a second time"
    assert len(writes(ns.name, "agentruns", run.name)) <= FEW_WRITES


def test_the_output_that_is_too_long_is_shortened_and_whole_in_the_log(ns: Namespace) -> None:
    """Failure mode 53."""
    run = ns.run("echoes", input={"text": "x" * 20_000})
    status = run.wait("Succeeded")["status"]
    assert status["outputTruncated"] is True
    assert len(json.dumps(status["output"])) < 5000
    assert run.log()[-1]["output"] == {"text": "x" * 20_000}
