"""SIGTERM while a graph runs, whatever it is doing."""

import time

import pytest

from unit.runner.pod import Ended, MakePod, Pod


def stopped(pod: Pod) -> Ended:
    """Stop a pod when its node prints "ready", and return how it ended."""
    running = pod.start()
    running.wait_for("ready")
    running.stop()
    return running.end()


@pytest.mark.parametrize("graph", ["sleeps", "sleeps_async", "spins"])
def test_a_node_that_can_be_interrupted_cleans_up_and_stops_at_once(
    graph_pod: MakePod, graph: str
) -> None:
    """Failure mode 5."""
    ended = stopped(graph_pod(f"stubborn:{graph}", input={"n": 1}, grace=20))

    assert ended.verdict() == (143, "Stopped", None)
    assert "cleaned up" in ended.lines
    assert "forced" not in ended.report
    assert ended.report["checkpoint"]["count"] == 3
    assert ended.seconds < 5
    assert len(ended.events("stopping")) == 1


@pytest.mark.parametrize(
    "graph",
    [
        "takes_sigterm:sleeps",
        "stubborn:blocks_sigterm",
        "stubborn:blocks_all_signals",
        "stubborn:serves",
        "stubborn:served_before",
    ],
)
def test_a_node_stops_and_cleans_up_though_the_agent_handles_or_blocks_sigterm(
    graph_pod: MakePod, graph: str
) -> None:
    ended = stopped(graph_pod(graph, input={"n": 1}, grace=20))

    assert ended.verdict() == (143, "Stopped", None)
    assert "cleaned up" in ended.lines
    assert "forced" not in ended.report
    assert ended.seconds < 5


@pytest.mark.parametrize("graph", ["takes_sigterm:steps", "ignores_sigterm:steps"])
def test_no_step_begins_after_the_stop_though_the_agent_handles_or_ignores_sigterm(
    graph_pod: MakePod, graph: str
) -> None:
    """Each step swallows its interruption; a graph that ignores SIGTERM gets none."""
    ended = stopped(graph_pod(graph, input={}, grace=20))

    assert ended.verdict() == (143, "Stopped", None)
    steps = [line for line in ended.lines if line.startswith("step")]
    assert steps == ["step 1", "step 2", "step 3"]
    assert "forced" not in ended.report
    assert ended.seconds < 5


def test_a_stopped_graph_that_hangs_at_its_exit_is_killed_and_the_stop_is_not_forced(
    graph_pod: MakePod,
) -> None:
    ended = stopped(graph_pod("stubborn:hangs_up_the_exit", input={"n": 1}, grace=20))

    assert ended.verdict() == (143, "Stopped", None)
    assert "cleaned up" in ended.lines
    assert "forced" not in ended.report
    assert ended.seconds < 5


def test_a_graph_with_a_result_that_hangs_at_its_exit_is_killed(graph_pod: MakePod) -> None:
    running = graph_pod("stubborn:lingers", input={"n": 1}).start()
    running.wait_for("ready")
    since = time.monotonic()

    assert running.end().verdict() == (0, "Succeeded", None)
    assert time.monotonic() - since < 5


@pytest.mark.parametrize(
    "graph",
    [
        "spins_async",
        "waits_for_a_lock",
        "spins_in_c",
        "swallows_for_ever",
        "ignores_sigterm",
    ],
)
def test_a_node_that_does_not_stop_is_killed_within_the_grace_period(
    graph_pod: MakePod, graph: str
) -> None:
    """Failure modes 5 and 68."""
    ended = stopped(graph_pod(f"stubborn:{graph}", input={"n": 1}, grace=2))

    assert ended.verdict() == (143, "Stopped", None)
    assert ended.report["forced"] is True
    assert "was killed after" in ended.report["message"]
    assert ended.report["checkpoint"]["count"] == 3
    assert 1.3 <= ended.seconds < 2


@pytest.mark.parametrize("graph", ["swallows", "swallows_async"])
def test_a_node_that_swallows_the_stop_gets_the_graph_no_step_further(
    graph_pod: MakePod, graph: str
) -> None:
    """Failure mode 69."""
    ended = stopped(graph_pod(f"stubborn:{graph}", input={"n": 1}, grace=20))

    assert ended.verdict() == (143, "Stopped", None)
    assert "swallowed" in ended.lines
    assert not [event for event in ended.events("updates") if "double" in event["data"]]
    assert ended.seconds < 5


def test_a_graph_that_returns_because_it_was_stopped_has_not_succeeded(
    graph_pod: MakePod,
) -> None:
    ended = stopped(graph_pod("stubborn:swallows_last", input={"n": 1}))

    assert ended.verdict() == (143, "Stopped", None)
    assert "output" not in ended.report


def test_an_exception_because_of_the_stop_is_no_failure(graph_pod: MakePod) -> None:
    """Failure mode 14."""
    ended = stopped(graph_pod("stubborn:fails_when_stopped", input={"n": 1}))

    assert ended.verdict() == (143, "Stopped", None)


def test_an_import_can_be_stopped(graph_pod: MakePod) -> None:
    ended = stopped(graph_pod("slow_import:graph", input={}, grace=20))

    assert ended.verdict() == (143, "Stopped", None)
    assert "cleaned up" in ended.lines
    assert ended.seconds < 5


def test_a_stopped_run_resumes_where_it_was(graph_pod: MakePod) -> None:
    """Failure mode 33."""
    pod = graph_pod("stubborn:sleeps", input={"n": 1})
    stopped(pod)
    ended = stopped(pod)

    assert "add_one runs" not in ended.lines
    assert ended.report["checkpoint"]["count"] == 3


def test_a_killed_run_resumes_where_it_was(graph_pod: MakePod) -> None:
    pod = graph_pod("stubborn:spins_in_c", input={"n": 1}, grace=1)
    stopped(pod)
    ended = stopped(pod)

    assert "add_one runs" not in ended.lines
    assert ended.report["checkpoint"]["count"] == 3


def test_a_tool_call_that_was_stopped_is_answered_in_the_next_run(graph_pod: MakePod) -> None:
    """Failure mode 33. Models refuse messages with an unanswered tool call."""
    question = {"messages": [{"role": "user", "content": "what is it?"}]}
    stopped(
        graph_pod("calls_a_tool:graph", input=question, config={"configurable": {"hold": True}})
    )
    ended = graph_pod("calls_a_tool:graph").run()

    assert ended.verdict() == (0, "Succeeded", None)
    messages = ended.report["output"]["messages"]
    assert [message["type"] for message in messages] == ["human", "ai", "tool", "ai"]
    assert messages[2]["tool_call_id"] == messages[1]["tool_calls"][0]["id"]
    assert messages[3]["content"] == "It is 42."


def stopped_fan_out(pod: Pod) -> Ended:
    """Stop a pod when both its nodes print "ready", and return how it ended."""
    running = pod.start()
    running.wait_for("ready")
    running.wait_for("ready")
    running.stop()
    return running.end()


def test_parallel_nodes_all_clean_up(graph_pod: MakePod) -> None:
    ended = stopped_fan_out(graph_pod("stubborn:spins_twice", input={"n": 1}, grace=20))

    assert ended.verdict() == (143, "Stopped", None)
    assert ended.lines.count("cleaned up") == 2
    assert ended.seconds < 5


def test_a_blocked_parallel_node_ends_with_the_grace_period(graph_pod: MakePod) -> None:
    ended = stopped_fan_out(graph_pod("stubborn:sleeps_beside_a_lock", input={"n": 1}, grace=2))

    assert ended.verdict() == (143, "Stopped", None)
    assert ended.report["forced"] is True
    assert 1.3 <= ended.seconds < 2


def test_a_result_that_comes_after_sigterm_does_not_count(graph_pod: MakePod) -> None:
    """Failure mode 6."""
    ended = stopped(graph_pod("stubborn:gives_a_result_when_stopped", input={"n": 1}))

    assert ended.verdict() == (143, "Stopped", None)
    assert "output" not in ended.report


def test_a_result_that_was_there_before_sigterm_counts(graph_pod: MakePod) -> None:
    """Failure mode 6. Nor does its grace period pass: the graph has ended."""
    ended = stopped(graph_pod("stubborn:lingers", input={"n": 1}, grace=20))

    assert ended.verdict() == (0, "Succeeded", None)
    assert ended.report["output"] == {"n": 7}
    assert "forced" not in ended.report
    assert ended.seconds < 2


def test_the_shortest_grace_period_is_enough_for_the_report(graph_pod: MakePod) -> None:
    ended = stopped(graph_pod("stubborn:spins_in_c", input={"n": 1}, grace=1))

    assert ended.verdict() == (143, "Stopped", None)
    assert ended.report["checkpoint"]["count"] == 3
    assert 0.5 <= ended.seconds < 1
