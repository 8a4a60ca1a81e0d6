"""Names that would lead out of their directory, or that two threads or runs would share."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agentrun_store import workspace
from agentrun_store.checkpointer import StoreSaver
from agentrun_store.errors import InvalidNameError, StoreError
from agentrun_store.names import (
    check_run,
    check_thread,
    parse_segment_name,
    run_name,
    segment_name,
    thread_dir,
)
from agentrun_store.rollback import drop_run
from agentrun_store.summary import summary
from unit.store.support import RUN_A, RUN_B, config, ids, put

ESCAPES = ["", ".", "..", "../x", "a/b", "/etc", "a/../../b", "x\0", "x\n", "-x", "x.", "..x", "x "]
ODD = [*ESCAPES, "é", "名", "\ud800", "a" * 64, "a" * 10_000, "_" + "0" * 64, "con:aux", "a\\b"]


@pytest.mark.parametrize(
    "thread",
    [
        *(f"threads/{name}" for name in [*ESCAPES, "é", "a" * 64, "a/" + RUN_A, "_short"]),
        *(f"stateless/{name}" for name in ["", "x", "..", RUN_A.upper(), RUN_A + "\n"]),
        *("", "threads", "x", "segments/x", f"threads/../stateless/{RUN_A}", "/threads/x"),
    ],
)
def test_an_invalid_thread_directory_is_refused(thread: str, tmp_path: Path) -> None:
    for use in (
        lambda: check_thread(thread),
        lambda: drop_run(tmp_path, thread, RUN_A),
        lambda: summary(tmp_path, thread, RUN_A),
        lambda: workspace.prepare(tmp_path, thread, RUN_A),
    ):
        with pytest.raises(
            InvalidNameError, match=r"^thread .* choose such a name for spec\.thread"
        ):
            use()
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("run", [*ESCAPES, RUN_A.upper(), RUN_A + "\n", RUN_A[:-1], f"{RUN_A}/x"])
def test_an_invalid_run_uid_is_refused(run: str, tmp_path: Path) -> None:
    for use in (
        lambda: check_run(run),
        lambda: drop_run(tmp_path, "threads/chat", run),
        lambda: summary(tmp_path, "threads/chat", run),
        lambda: workspace.prepare(tmp_path, "threads/chat", run),
    ):
        with pytest.raises(InvalidNameError, match=r"^run .* take metadata\.uid"):
            use()
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("name", ["a", "A-b_c.9", "a..b", "9" * 63])
def test_a_safe_name_is_its_own_directory(name: str) -> None:
    assert thread_dir(name) == check_thread(f"threads/{name}") == f"threads/{name}"


def test_the_thread_of_a_stateless_run_is_its_own_directory() -> None:
    assert thread_dir(f"stateless/{RUN_A}") == check_thread(f"stateless/{RUN_A}")


@given(st.lists(st.text(max_size=70) | st.sampled_from(ODD), unique=True))
def test_no_two_texts_share_a_directory_and_none_escapes(texts: list[str]) -> None:
    assert len({thread_dir(text) for text in texts}) == len(texts)
    assert len({run_name(text) for text in texts}) == len(texts)
    for text in texts:
        check_thread(thread_dir(text))
        assert parse_segment_name(segment_name(7, run_name(text))) == (7, run_name(text))


@pytest.mark.parametrize(
    "name",
    ["", ".", "1-x", "000001", "000001-", "000001-../x", ".000001-x.new", f"{'9' * 16}-x"],
)
def test_another_name_is_not_parsed_as_a_segments(name: str) -> None:
    assert parse_segment_name(name) is None


def test_the_name_of_the_millionth_segment_is_parsed() -> None:
    assert parse_segment_name(segment_name(1_000_000, check_run(RUN_A))) == (1_000_000, RUN_A)


def test_odd_thread_ids_are_kept_apart_inside_the_store(tmp_path: Path) -> None:
    root = tmp_path / "store"
    root.mkdir()
    saver = StoreSaver(root)
    for thread_id in ODD:
        put(saver, "1", thread_id, thread=thread_id, run_id=thread_id)
    for thread_id in ODD:
        found = saver.get_tuple(config(thread=thread_id))
        assert found is not None
        assert found.config["configurable"]["thread_id"] == thread_id
        assert found.metadata["run_id"] == thread_id.replace("\0", "")
    assert len(list(saver.list(None))) == len(ODD)
    assert [path.name for path in tmp_path.iterdir()] == ["store"]
    assert [path.name for path in root.iterdir()] == ["threads"]


def test_foreign_files_in_the_store_are_ignored(tmp_path: Path) -> None:
    saver = StoreSaver(tmp_path)
    put(saver, "1")
    for path in ("threads/.trash", "threads/chat/segments/lost+found", "stateless/notes"):
        (tmp_path / path).mkdir(parents=True)
    (tmp_path / "threads/chat/segments/README").write_text("")
    assert ids(saver) == ["1"]
    assert len(list(saver.list(None))) == 1


@pytest.mark.parametrize("link", ["segments", "tombstones"])
def test_a_link_that_an_agent_made_leads_no_clean_up_to_another_thread(
    link: str, tmp_path: Path
) -> None:
    put(StoreSaver(tmp_path, run=RUN_A), "1", thread="victim")
    drop_run(tmp_path, "threads/victim", RUN_B)
    mine = tmp_path / "threads" / "mine"
    mine.mkdir()
    (mine / link).symlink_to(f"../victim/{link}")
    with pytest.raises(StoreError, match="symbolic link"):
        StoreSaver(tmp_path).get_tuple(config(thread="mine"))
    assert drop_run(tmp_path, "threads/mine", RUN_A) == 0
    assert not (mine / link).is_symlink()
    assert len(list(StoreSaver(tmp_path).list(config(thread="victim")))) == 1
    assert [path.name for path in (tmp_path / "threads/victim/tombstones").iterdir()] == [RUN_B]


def test_a_segment_that_is_a_link_is_removed_and_not_followed(tmp_path: Path) -> None:
    put(StoreSaver(tmp_path, run=RUN_A), "1", thread="victim")
    [victim] = (tmp_path / "threads/victim/segments").iterdir()
    segments = tmp_path / "threads" / "mine" / "segments"
    segments.mkdir(parents=True)
    (segments / victim.name).symlink_to(victim)
    drop_run(tmp_path, "threads/mine", RUN_A)
    assert list(segments.iterdir()) == []
    assert len(list(StoreSaver(tmp_path).list(config(thread="victim")))) == 1
