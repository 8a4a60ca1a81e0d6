"""The segments that runs and tools write to, and threads that share a directory."""

from collections.abc import Callable
from pathlib import Path

import pytest

from agentrun_store.checkpointer import StoreSaver
from agentrun_store.errors import InvalidNameError, RunRolledBackError, StoreError
from agentrun_store.rollback import drop_run
from agentrun_store.thread import Store
from unit.store.support import (
    RUN_A,
    RUN_B,
    RUN_C,
    THREAD,
    config,
    content,
    ids,
    newest,
    newest_id,
    put,
)


def segments(root: Path, thread: str = THREAD) -> list[tuple[int, str]]:
    return [(segment.seq, segment.run) for segment in Store(root).thread(thread).segments()]


def test_all_that_a_run_writes_is_in_its_own_segment_whatever_its_metadata(tmp_path: Path) -> None:
    saver = StoreSaver(tmp_path, run=RUN_A)
    put(saver, "1", run_id=RUN_B)
    where = config("1") | {"metadata": {"run_id": RUN_C}}
    saver.put_writes(where, [("value", 1)], "task")
    put(saver, "2", ns="subgraph:task")
    assert segments(tmp_path) == [(1, RUN_A)]


def test_a_pending_write_to_an_older_checkpoint_is_merged_and_goes_with_its_run(
    tmp_path: Path,
) -> None:
    """Failure modes 30 and 63."""
    first = StoreSaver(tmp_path, run=RUN_A)
    put(first, "1")
    first.put_writes(config("1"), [("value", "a")], "task a", "path 2")
    before = content(tmp_path)

    second = StoreSaver(tmp_path, run=RUN_B)
    second.put_writes(config("1"), [("value", "b")], "task b", "path 1")
    second.put_writes(config("1"), [("value", "not this one")], "task a", "path 2")
    second.put_writes(config("1"), [("__resume__", "yes")], "task a", "path 2")
    for reader in (second, StoreSaver(tmp_path), StoreSaver(tmp_path, run=RUN_C)):
        found = newest(reader)
        assert found is not None
        assert found.pending_writes == [
            ("task b", "value", "b"),
            ("task a", "__resume__", "yes"),
            ("task a", "value", "a"),
        ]

    drop_run(tmp_path, THREAD, RUN_B)
    assert content(tmp_path) == before


def test_a_number_is_not_used_again_after_a_rollback(tmp_path: Path) -> None:
    put(StoreSaver(tmp_path, run=RUN_A), "1")
    put(StoreSaver(tmp_path, run=RUN_B), "2")
    drop_run(tmp_path, THREAD, RUN_B)
    put(StoreSaver(tmp_path, run=RUN_C), "3")
    assert segments(tmp_path) == [(1, RUN_A), (3, RUN_C)]


def test_a_pods_constant_directory_keeps_thread_ids_apart(tmp_path: Path) -> None:
    """An agent may call graphs under other thread ids; the pod sees one directory only."""
    saver = StoreSaver(tmp_path, run=RUN_A, thread_dir_of=lambda _: THREAD)
    put(saver, "1", "mine")
    put(saver, "1", "other", thread="../other")
    assert ids(saver) == ["1"]
    other = saver.get_tuple(config(thread="../other"))
    assert other is not None
    assert other.checkpoint["channel_values"] == {"value": "other"}
    assert other.config["configurable"]["thread_id"] == "../other"
    assert segments(tmp_path) == [(1, RUN_A)]
    assert [path.name for path in (tmp_path / "threads").iterdir()] == ["chat"]


def test_a_directory_function_cannot_lead_out_of_the_store(tmp_path: Path) -> None:
    saver = StoreSaver(tmp_path / "store", run=RUN_A, thread_dir_of=lambda _: "../out")
    with pytest.raises(InvalidNameError, match=r"thread '\.\./out'"):
        put(saver, "1")


def stateless_run(root: Path) -> StoreSaver:
    """Write like the pod of a stateless run, whose UID is the thread id."""
    pod = StoreSaver(root, run=RUN_A, thread_dir_of=lambda _: f"stateless/{RUN_A}")
    put(pod, "1", thread=RUN_A)
    put(pod, "2", parent="1", thread=RUN_A)
    return StoreSaver(root)


def test_a_config_that_list_gave_finds_its_checkpoint(tmp_path: Path) -> None:
    tool = stateless_run(tmp_path)
    listed = list(tool.list(None))
    assert [tool.get_tuple(found.config) for found in listed] == listed
    assert list(tool.list({"configurable": {"thread_id": RUN_A}})) == listed
    assert [path.name for path in tmp_path.iterdir()] == ["stateless"]


def test_copy_prune_and_delete_thread_find_a_stateless_run(tmp_path: Path) -> None:
    tool = stateless_run(tmp_path)
    tool.copy_thread(RUN_A, "copy")
    tool.prune([RUN_A])
    left = {(s.config["configurable"]["thread_id"], s.checkpoint["id"]) for s in tool.list(None)}
    assert left == {(RUN_A, "2"), ("copy", "1"), ("copy", "2")}
    tool.delete_thread(RUN_A)
    assert [s.checkpoint["id"] for s in tool.list(None)] == ["2", "1"]
    assert list((tmp_path / "stateless" / RUN_A).iterdir()) == []


def test_a_thread_that_is_named_after_a_run_is_not_taken_for_that_run(tmp_path: Path) -> None:
    tool = stateless_run(tmp_path)
    put(
        StoreSaver(tmp_path, run=RUN_B, thread_dir_of=lambda _: f"threads/{RUN_A}"),
        "3",
        thread=RUN_A,
    )
    found = tool.get_tuple(config(thread=RUN_A))
    assert found is not None
    assert found.checkpoint["id"] == "3"


def test_a_run_deletes_no_history(tmp_path: Path) -> None:
    """No rollback of the run could restore what it deletes."""
    put(StoreSaver(tmp_path, run=RUN_A), "1")
    before = content(tmp_path)
    saver = StoreSaver(tmp_path, run=RUN_B)
    deletions: list[Callable[[], None]] = [
        lambda: saver.delete_thread("chat"),
        lambda: saver.delete_for_runs([RUN_A]),
        lambda: saver.copy_thread("chat", "copy"),
        lambda: saver.prune(["chat"]),
    ]
    for delete in deletions:
        with pytest.raises(StoreError, match="use StoreSaver"):
            delete()
    assert content(tmp_path) == before


def test_a_saver_refuses_a_run_that_is_no_uid(tmp_path: Path) -> None:
    with pytest.raises(InvalidNameError, match=r"metadata\.uid"):
        StoreSaver(tmp_path, run="my-run")


def test_a_run_sees_the_thread_as_it_was_when_it_first_looked(tmp_path: Path) -> None:
    """Older segments do not change while a run holds the thread, and are not read again."""
    put(StoreSaver(tmp_path, run=RUN_A), "1")
    saver = StoreSaver(tmp_path, run=RUN_B)
    assert newest_id(saver) == "1"
    put(StoreSaver(tmp_path, run=RUN_C), "2")
    assert newest_id(saver) == "1"
    put(saver, "3")
    assert newest_id(saver) == "3"


def test_a_tool_sees_what_others_wrote_meanwhile(tmp_path: Path) -> None:
    tool = StoreSaver(tmp_path)
    run = StoreSaver(tmp_path, run=RUN_A)
    for checkpoint_id in ("1", "2"):
        put(run, checkpoint_id)
        assert newest_id(tool) == checkpoint_id
    drop_run(tmp_path, THREAD, RUN_A)
    assert newest_id(tool) is None


def test_delete_for_runs_refuses_what_the_run_writes_later(tmp_path: Path) -> None:
    tool = StoreSaver(tmp_path)
    put(tool, "1", run_id="any text/at all")
    put(tool, "2", run_id="other")
    tool.delete_for_runs(["any text/at all", "unknown"])
    assert ids(tool) == ["2"]
    with pytest.raises(RunRolledBackError):
        put(tool, "3", run_id="any text/at all")
    assert not (tmp_path / THREAD / "tombstones" / "unknown").exists()


def test_delete_thread_frees_its_space_and_the_thread_can_be_used_again(tmp_path: Path) -> None:
    """Failure mode 35."""
    tool = StoreSaver(tmp_path)
    put(tool, "1")
    drop_run(tmp_path, THREAD, RUN_A)
    tool.delete_thread("chat")
    assert [path.name for path in (tmp_path / THREAD).iterdir()] == ["tombstones"]
    put(tool, "2")
    assert ids(tool) == ["2"]
    with pytest.raises(RunRolledBackError):
        put(StoreSaver(tmp_path, run=RUN_A), "3")


def test_prune_frees_space(tmp_path: Path) -> None:
    """Failure mode 35."""
    tool = StoreSaver(tmp_path)
    for run in (RUN_A, RUN_B):
        for number in range(3):
            put(StoreSaver(tmp_path, run=run), f"{run}{number}", "x" * 10_000)
    logs = list(tmp_path.glob("threads/chat/segments/*/checkpoints.log"))
    before = sum(log.stat().st_size for log in logs)
    tool.prune(["chat"])
    assert ids(tool) == [f"{RUN_B}2"]
    assert sum(log.stat().st_size for log in logs) < before / 5
    put(tool, "next")
    assert ids(tool) == ["next", f"{RUN_B}2"]


def test_prune_names_the_strategies_when_it_refuses_another(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="'keep_latest' nor 'delete'"):
        StoreSaver(tmp_path).prune(["chat"], strategy="oldest")


def test_copy_thread_adds_to_no_thread_that_has_checkpoints(tmp_path: Path) -> None:
    tool = StoreSaver(tmp_path)
    put(tool, "1")
    put(tool, "2", thread="copy")
    with pytest.raises(StoreError, match="threads/copy has checkpoints: delete"):
        tool.copy_thread("chat", "copy")


def test_copy_thread_mixes_in_nothing_of_a_copy_that_was_cut(tmp_path: Path) -> None:
    put(StoreSaver(tmp_path, run=RUN_A), "1", thread="given-up")
    put(StoreSaver(tmp_path, run=RUN_B), "2")
    cut = tmp_path / "threads" / "copy" / ".segments.new"
    cut.parent.mkdir()
    (tmp_path / "threads" / "given-up" / "segments").rename(cut)
    tool = StoreSaver(tmp_path)
    tool.copy_thread("chat", "copy")
    assert [found.checkpoint["id"] for found in tool.list(config(thread="copy"))] == ["2"]
    assert segments(tmp_path, "threads/copy") == [(1, RUN_B)]


def test_copy_thread_refuses_a_run_that_was_rolled_back_in_the_target(tmp_path: Path) -> None:
    """Its segment would not count there: the copy would be short of it."""
    put(StoreSaver(tmp_path, run=RUN_A), "1")
    drop_run(tmp_path, "threads/copy", RUN_A)
    with pytest.raises(RunRolledBackError):
        StoreSaver(tmp_path).copy_thread("chat", "copy")


def test_put_writes_refuses_a_config_without_a_checkpoint(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="checkpoint_id"):
        StoreSaver(tmp_path).put_writes(config(), [("value", 1)], "task")
