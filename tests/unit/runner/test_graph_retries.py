"""Retries after a pod that ended without a report, at a breakpoint or a question."""

import pytest

from unit.runner.pod import MakePod
from unit.runner.test_graph_resumes import waiting


@pytest.mark.parametrize(
    ("graph", "node"),
    [
        ("before", "guarded"),
        ("before_all", "guarded"),
        ("after", "guarded"),
        ("in_a_subgraph", "subgraph"),
    ],
)
def test_a_retry_does_not_pass_a_breakpoint(graph_pod: MakePod, graph: str, node: str) -> None:
    pod = graph_pod(f"gates:{graph}", input={"n": 1})
    assert pod.run().verdict() == (1, "Failed", "AgentFailed")
    retried = pod.run()

    assert retried.verdict() == (0, "Succeeded", None)
    assert retried.report["interrupts"] == [{"node": node}]
    assert not (pod.root / "guarded-ran").exists()
    passing = graph_pod(f"gates:{graph}").run()
    assert passing.report["output"]["answer"] == "done"


def test_a_retry_after_an_eviction_does_not_pass_a_breakpoint(graph_pod: MakePod) -> None:
    pod = graph_pod("gates:slow_to_close", input={"n": 1})
    running = pod.start()
    running.wait_for("closing")
    running.stop()
    assert running.end().verdict() == (143, "Stopped", None)
    retried = pod.run()

    assert retried.report["interrupts"] == [{"node": "guarded"}]
    assert not (pod.root / "guarded-ran").exists()


@pytest.mark.parametrize("graph", ["dies_behind", "dies_behind_in_a_subgraph"])
def test_a_retry_passes_the_breakpoint_that_its_run_was_to_pass(
    graph_pod: MakePod, graph: str
) -> None:
    graph_pod(f"gates:{graph}", input={"n": 1}).run()
    pod = graph_pod(f"gates:{graph}")
    assert pod.run().verdict() == (1, "Failed", "AgentFailed")
    retried = pod.run()

    assert retried.verdict() == (0, "Succeeded", None)
    assert retried.report["output"]["answer"] == "done"


def test_a_retry_continues_behind_a_node_whose_edge_has_failed(graph_pod: MakePod) -> None:
    pod = graph_pod("graphs:routes_on", input={"n": 1})
    assert pod.run().verdict() == (1, "Failed", "AgentFailed")
    retried = pod.run()

    assert retried.verdict() == (0, "Succeeded", None)
    assert retried.report["output"] == {"n": 4}


def test_a_retry_continues_behind_a_node_that_was_stopped_at_its_edge(graph_pod: MakePod) -> None:
    pod = graph_pod("gates:waits_at_an_edge", input={"n": 1})
    running = pod.start()
    running.wait_for("waiting")
    running.stop()
    assert running.end().verdict() == (143, "Stopped", None)
    retried = pod.run()

    assert retried.report["output"] == {"n": 4}


def test_one_answer_is_no_answer_to_the_next_question(graph_pod: MakePod) -> None:
    graph_pod("graphs:asks_twice", input={"n": 1}).run()
    pod = graph_pod("questions:asks_twice_and_fails_to_close", resume="yes")
    assert pod.run().verdict() == (1, "Failed", "AgentFailed")
    retried = pod.run()

    assert waiting(retried) == ["second?"]


def test_an_answer_is_used_once_though_another_node_was_killed(graph_pod: MakePod) -> None:
    asked = graph_pod("questions:asks_beside_work", input={"n": 1}).run()
    by_question = {i["value"]: i["id"] for i in asked.report["interrupts"]}
    answers = {by_question["drop the table?"]: "yes", by_question["shall I work?"]: "yes"}
    pod = graph_pod("questions:asks_beside_work", resume=answers)
    assert pod.run().verdict() == (1, "Failed", "AgentFailed")
    retried = pod.run()

    assert waiting(retried) == ["drop the database?"]


def test_an_answer_is_used_once_though_its_node_failed_behind_it(graph_pod: MakePod) -> None:
    graph_pod("questions:fails_in_between", input={"n": 1}).run()
    pod = graph_pod("questions:fails_in_between", resume="yes")
    assert pod.run().verdict() == (1, "Failed", "AgentFailed")
    retried = pod.run()

    assert waiting(retried) == ["second?"]


def test_an_answer_in_a_subgraph_is_used_once(graph_pod: MakePod) -> None:
    graph_pod("questions:one_then_two", input={"n": 1}).run()
    pod = graph_pod("questions:one_then_two", resume="a")
    assert pod.run().verdict() == (1, "Failed", "AgentFailed")
    retried = pod.run()

    assert waiting(retried) == ["two?"]


def test_an_answer_is_not_lost_though_another_subgraph_has_advanced(graph_pod: MakePod) -> None:
    asked = graph_pod("questions:one_beside_two", input={"n": 1}).run()
    by_question = {i["value"]: i["id"] for i in asked.report["interrupts"]}
    answers = {by_question["one?"]: "a", by_question["two?"]: "b"}
    pod = graph_pod("questions:one_beside_two", resume=answers)
    assert pod.run().verdict() == (1, "Failed", "AgentFailed")
    retried = pod.run()

    assert (retried.verdict(), waiting(retried)) == ((0, "Succeeded", None), [])
    assert (retried.report["output"]["left"], retried.report["output"]["right"]) == ("a", "b")


def test_an_answer_is_not_lost_though_its_checkpoint_was_not_stored(graph_pod: MakePod) -> None:
    graph_pod("questions:asks_on_a_full_disk", input={"n": 1}).run()
    pod = graph_pod("questions:asks_on_a_full_disk", resume="yes")
    assert pod.run().verdict() == (1, "Failed", "StoreFailed")
    retried = pod.run()

    assert retried.verdict() == (0, "Succeeded", None)
    assert retried.report["output"]["answer"] == "yes"


def test_a_retry_of_a_fork_keeps_the_answer_that_its_checkpoint_was_not_stored_with(
    graph_pod: MakePod,
) -> None:
    asked = graph_pod("questions:asks_on_a_full_disk", input={"n": 1}).run()
    graph_pod("questions:asks_on_a_full_disk", input={"n": 2}).run()
    start = {"id": asked.report["checkpoint"]["id"]}
    fork = graph_pod("questions:asks_on_a_full_disk", resume="yes", checkpoint=start)
    assert fork.run().verdict() == (1, "Failed", "StoreFailed")
    retried = fork.run()

    assert retried.verdict() == (0, "Succeeded", None)
    assert retried.report["output"]["answer"] == "yes"
