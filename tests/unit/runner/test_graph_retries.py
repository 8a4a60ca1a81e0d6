"""A retry after a pod that ended without an account, at a point where somebody is asked."""

import pytest

from unit.runner.pod import MakePod


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
    assert retried.account["interrupts"] == [{"node": node}]
    assert not (pod.root / "guarded-ran").exists()
    passing = graph_pod(f"gates:{graph}").run()
    assert passing.account["output"]["answer"] == "done"


def test_a_retry_after_an_eviction_does_not_pass_a_breakpoint(graph_pod: MakePod) -> None:
    pod = graph_pod("gates:slow_to_close", input={"n": 1})
    running = pod.start()
    running.wait_for("closing")
    running.stop()
    assert running.end().verdict() == (143, "Stopped", None)
    retried = pod.run()

    assert retried.account["interrupts"] == [{"node": "guarded"}]
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
    assert retried.account["output"]["answer"] == "done"
