"""The checkpoints that a graph finds in its thread, from an older run or from another Agent."""

from typing import Any

import ormsgpack
from langgraph.checkpoint.base import empty_checkpoint
from langgraph.checkpoint.serde.jsonplus import JsonPlusSerializer

from agentrun_store.checkpointer import StoreSaver
from unit.runner.agents import typed
from unit.runner.pod import MakePod, Pod

OTHER = "0d3a6a52-7a3c-4f0e-8a4e-0f4f3d7b9a11"


class Hostile(JsonPlusSerializer):
    """Writes bytes that a hostile Agent can write into its own segment."""

    def dumps_typed(self, obj: Any) -> tuple[str, bytes]:
        return "msgpack", ormsgpack.packb(obj)


def write_checkpoint(pod: Pod, *, value: object, pending: object = None) -> None:
    """Write it as an earlier run of another Agent on the thread."""
    saver = StoreSaver(pod.root / "store", run=OTHER, serde=Hostile())
    checkpoint = empty_checkpoint()
    checkpoint["channel_values"] = {"n": 1, "answer": value}
    checkpoint["channel_versions"] = {"n": 1, "answer": 1}
    config: Any = {"configurable": {"thread_id": "talk", "checkpoint_ns": ""}}
    config = saver.put(config, checkpoint, {"source": "loop", "step": 1}, {})
    saver.put_writes(config, [("answer", pending)], "task")


def test_a_checkpoint_of_another_agent_runs_nothing_in_a_pod_with_secrets(
    graph_pod: MakePod,
) -> None:
    """In a checkpoint, and among its pending writes."""
    pod = graph_pod("graphs:graph", input={"n": 1}, APP_KEY="hidden")
    stolen = pod.root / "stolen"
    call = ("os", "system", f"echo $APP_KEY > {stolen}")
    payload = ormsgpack.Ext(0, ormsgpack.packb(call))
    write_checkpoint(pod, value=None, pending=payload)
    by_pending_write = pod.run()
    write_checkpoint(pod, value=payload)
    by_checkpoint = pod.run()

    for ended in (by_pending_write, by_checkpoint):
        assert ended.verdict() == (2, "Failed", "CheckpointRefused")
        assert "os:system" in ended.report["message"]
        assert "spec.runtime.langgraph.allowedModules" in ended.report["message"]
        assert "add_one runs" not in ended.lines
    assert not stolen.exists()


def test_a_graph_finds_what_its_state_declares(graph_pod: MakePod) -> None:
    graph_pod("typed:typed", input={}).run()
    ended = graph_pod("typed:typed", resume="no").run()

    assert ended.verdict() == (0, "Succeeded", None)
    assert ended.report["output"]["trees"] == [{"leaves": [{"colour": "red"}]}]
    assert ended.report["output"]["anything"] == ["no"]


def test_a_type_that_the_state_does_not_declare_must_be_allowed_by_the_agent(
    graph_pod: MakePod,
) -> None:
    """The run that stored it resumes in a retry, and loses nothing of it."""
    pod = graph_pod("typed:hides", input={})
    for ended in (pod.run(), pod.run()):
        assert ended.verdict() == (0, "Succeeded", None)
        assert ended.report["output"]["anything"] == {"text": "x"}
        [warning] = ended.events("warning")
        assert f"{typed.__name__.rpartition('.')[2]}:Secret" in warning["message"]
    refused = graph_pod("typed:hides", resume="no").run()
    allowed = graph_pod("typed:hides", resume="no", allowed=["typed"]).run()

    assert refused.verdict() == (2, "Failed", "CheckpointRefused")
    assert "typed:Secret" in refused.report["message"]
    assert allowed.verdict() == (0, "Succeeded", None)
    assert not allowed.events("warning")


def test_a_state_that_the_model_refuses_is_not_blamed_on_the_input(graph_pod: MakePod) -> None:
    first = graph_pod("typed:breaks_the_state", input={"n": 1}).run()
    after = graph_pod("typed:breaks_the_state", input={"text": "sound"}).run()
    onward = graph_pod("typed:breaks_the_state", resume="yes").run()
    bad_input = graph_pod("typed:breaks_the_state", input={"n": "no"}).run()
    fork = graph_pod(
        "typed:breaks_the_state",
        input={"text": "sound"},
        checkpoint={"id": first_checkpoint(first.pod)},
    ).run()

    for ended in (after, onward):
        assert ended.verdict() == (2, "Failed", "CheckpointRefused")
        assert "spec.checkpoint.id" in ended.report["message"]
        assert "Input should be a valid integer" in ended.report["message"]
    assert bad_input.verdict() == (2, "Failed", "InvalidInput")
    assert fork.verdict() == (0, "Succeeded", None)


def first_checkpoint(pod: Pod) -> str:
    """The id of the thread's first checkpoint whose state is sound."""
    saver = StoreSaver(pod.root / "store")
    config: Any = {"configurable": {"thread_id": "talk", "checkpoint_ns": ""}}
    sound = [c for c in saver.list(config) if c.checkpoint["channel_values"].get("n") == 1]
    return sound[0].checkpoint["id"]
