"""What a graph is called with when its run is tried again."""

from pathlib import Path

import pytest
from langgraph.checkpoint.base import empty_checkpoint

from agentrun_runner import runfile
from agentrun_runner.langgraph_runtime.graph_run import graph_input
from agentrun_store.checkpointer import StoreSaver

FIRST = "0d3a6a52-7a3c-4f0e-8a4e-0f4f3d7b9a11"
SECOND = "0d3a6a52-7a3c-4f0e-8a4e-0f4f3d7b9a12"


def run(uid: str) -> runfile.Run:
    return runfile.Run(
        name="try",
        namespace="default",
        uid=uid,
        thread="threads/talk",
        runtime=runfile.Langgraph("graphs:graph"),
        input={"n": 1},
        recursion_limit=None,
        configurable={},
    )


def test_only_the_run_that_has_written_goes_on_without_its_input(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(runfile, "STORE", tmp_path)
    assert graph_input(run(FIRST)) == {"n": 1}

    thread = {"configurable": {"thread_id": "talk", "checkpoint_ns": ""}}
    StoreSaver(tmp_path, run=FIRST).put(thread, empty_checkpoint(), {}, {})  # type: ignore[arg-type]

    assert graph_input(run(FIRST)) is None
    assert graph_input(run(SECOND)) == {"n": 1}
