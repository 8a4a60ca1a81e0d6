"""Which checkpoint is the newest, when nodes' clocks, and so checkpoint ids, disagree."""

from pathlib import Path

from agentrun_store.checkpointer import StoreSaver
from unit.store.support import RUN_A, RUN_B, config, ids, newest_id, put


def test_a_later_run_on_a_node_whose_clock_is_behind_is_newer(tmp_path: Path) -> None:
    put(StoreSaver(tmp_path, run=RUN_A), "2030-fast-clock")
    saver = StoreSaver(tmp_path, run=RUN_B)
    put(saver, "2026-right-clock", parent="2030-fast-clock")
    for reader in (saver, StoreSaver(tmp_path)):
        assert newest_id(reader) == "2026-right-clock"
        assert ids(reader) == ["2026-right-clock", "2030-fast-clock"]
        assert ids(reader, before=config("2026-right-clock")) == ["2030-fast-clock"]
        assert ids(reader, before=config("2030-fast-clock")) == []


def test_a_retry_on_a_node_whose_clock_is_behind_is_newer(tmp_path: Path) -> None:
    """Otherwise every retry would start from the same checkpoint."""
    put(StoreSaver(tmp_path, run=RUN_A), "2030-fast-clock")
    retry = StoreSaver(tmp_path, run=RUN_A)
    put(retry, "2026-right-clock", parent="2030-fast-clock")
    for reader in (retry, StoreSaver(tmp_path)):
        assert newest_id(reader) == "2026-right-clock"
        assert ids(reader) == ["2026-right-clock", "2030-fast-clock"]


def test_in_one_process_the_ids_count_and_not_the_order_of_arrival(tmp_path: Path) -> None:
    """LangGraph saves in the background: a subgraph's checkpoint may arrive before its parent's."""
    saver = StoreSaver(tmp_path, run=RUN_A)
    put(saver, "2", ns="subgraph:task")
    put(saver, "1")
    for reader in (saver, StoreSaver(tmp_path)):
        before_the_subgraph = reader.list(config(ns=""), before=config("2"))
        assert [found.checkpoint["id"] for found in before_the_subgraph] == ["1"]
        before_its_parent = reader.list(config(ns="subgraph:task"), before=config("1"))
        assert [found.checkpoint["id"] for found in before_its_parent] == []


def test_before_compares_an_unknown_checkpoint_by_its_id(tmp_path: Path) -> None:
    saver = StoreSaver(tmp_path, run=RUN_A)
    for checkpoint_id in ("1", "2", "4"):
        put(saver, checkpoint_id)
    assert ids(saver, before=config("3")) == ["2", "1"]


def test_a_tools_write_after_later_runs_is_the_newest(tmp_path: Path) -> None:
    """Without a run id it goes to the segment of no run, which may be older than the last run."""
    tool = StoreSaver(tmp_path)
    put(tool, "1")
    put(StoreSaver(tmp_path, run=RUN_A), "2")
    put(tool, "3")
    put(tool, "4")
    assert ids(tool) == ["4", "3", "2", "1"]
    assert len(list((tmp_path / "threads/chat/segments").iterdir())) == 3


def test_a_checkpoint_put_again_keeps_its_place_and_its_writes(tmp_path: Path) -> None:
    saver = StoreSaver(tmp_path, run=RUN_A)
    put(saver, "1", "first")
    saver.put_writes(config("1"), [("value", "written")], "task")
    put(saver, "2")
    put(saver, "1", "again")
    for reader in (saver, StoreSaver(tmp_path)):
        assert ids(reader) == ["2", "1"]
        found = reader.get_tuple(config("1"))
        assert found is not None
        assert found.checkpoint["channel_values"] == {"value": "again"}
        assert found.pending_writes == [("task", "value", "written")]
