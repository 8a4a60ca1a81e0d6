"""Reading a log from its end has the same result as reading all of it."""

from pathlib import Path

import pytest

from agentrun_store import index, log_writer, segment, tail
from agentrun_store.checkpointer import StoreSaver
from agentrun_store.errors import CorruptSegmentError
from agentrun_store.index import Index
from agentrun_store.log import Entry
from agentrun_store.summary import summary
from unit.store.operations import counted
from unit.store.support import RUN_A, RUN_B, THREAD, config, content, ids, log_of, newest_id, put


@pytest.fixture
def short_end(monkeypatch: pytest.MonkeyPatch) -> None:
    """Readers read the last record alone at first."""
    monkeypatch.setattr(tail, "WINDOW", 1)


def test_a_log_of_an_older_version_without_chains_is_read_and_extended(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as older:
        older.setattr(Index, "chained", lambda _, entry: entry)
        put(StoreSaver(tmp_path, run=RUN_A), "1")
        put(StoreSaver(tmp_path, run=RUN_A), "2")
    put(StoreSaver(tmp_path, run=RUN_A), "3")
    saver = StoreSaver(tmp_path, run=RUN_A)
    assert newest_id(saver) == "3"
    assert summary(tmp_path, THREAD, RUN_A) == ("3", 3)
    assert ids(saver) == ["3", "2", "1"]


@pytest.mark.usefixtures("short_end")
def test_a_checkpoint_that_is_not_at_the_end_is_found_further_back(tmp_path: Path) -> None:
    saver = StoreSaver(tmp_path, run=RUN_A)
    put(saver, "1", "one")
    saver.put_writes(config("1"), [("value", "early")], "task")
    for number in range(20):
        put(saver, f"2{number:02}", ns="subgraph")
        saver.put_writes(config(f"2{number:02}", ns="subgraph"), [("value", number)], "task")
    reader = StoreSaver(tmp_path, run=RUN_B)
    assert newest_id(reader, ns="subgraph") == "219"
    assert newest_id(reader) == "1"
    found = reader.get_tuple(config("1"))
    assert found is not None
    assert found.pending_writes == [("task", "value", "early")]
    assert newest_id(reader, ns="another") is None
    assert summary(tmp_path, THREAD, RUN_A) == ("1", 21)


@pytest.mark.usefixtures("short_end")
@pytest.mark.parametrize("is_reopened", [False, True])
def test_ids_that_go_down_put_again_or_written_to_early_are_read_from_the_start(
    is_reopened: bool, tmp_path: Path
) -> None:
    """The end of the log alone would give another answer."""

    def saver() -> StoreSaver:
        return StoreSaver(tmp_path, run=RUN_A) if is_reopened else same

    same = StoreSaver(tmp_path, run=RUN_A)
    same.put_writes(config("5"), [("value", "before its checkpoint")], "task")
    put(saver(), "5")
    put(saver(), "3")
    put(saver(), "5", "again")
    for reader in (StoreSaver(tmp_path), saver()):
        assert newest_id(reader) == "5"
        found = reader.get_tuple(config("5"))
        assert found is not None
        assert found.checkpoint["channel_values"] == {"value": "again"}
        assert found.pending_writes == [("task", "value", "before its checkpoint")]
    assert summary(tmp_path, THREAD, RUN_A) == ("5", 2)


def flip(log: Path, offset: int) -> None:
    data = bytearray(log.read_bytes())
    data[offset] ^= 1
    log.write_bytes(data)


@pytest.mark.usefixtures("short_end")
def test_older_damage_does_not_hide_the_newest_and_is_named_by_a_read_that_meets_it(
    tmp_path: Path,
) -> None:
    saver = StoreSaver(tmp_path, run=RUN_A)
    for number in range(9):
        put(saver, str(number), ns="" if number < 5 else "subgraph")
    log = log_of(tmp_path, RUN_A)
    third = log.read_bytes().split(b"\xa5REC")[:3]
    flip(log, sum(map(len, third)) + 2 * 4 + 10)
    assert newest_id(StoreSaver(tmp_path)) == "4"
    for asked in (config("0"), config(ns="another")):
        with pytest.raises(CorruptSegmentError, match=RUN_A):
            StoreSaver(tmp_path).get_tuple(asked)
    with pytest.raises(CorruptSegmentError, match=RUN_A):
        ids(StoreSaver(tmp_path))


@pytest.mark.usefixtures("short_end")
def test_a_damaged_newest_checkpoint_is_named_and_the_one_before_is_not_taken(
    tmp_path: Path,
) -> None:
    saver = StoreSaver(tmp_path, run=RUN_A)
    put(saver, "1")
    put(saver, "2", "value 2")
    put(saver, "3", ns="subgraph")
    log = log_of(tmp_path, RUN_A)
    flip(log, log.read_bytes().index(b"value 2") - 60)
    with pytest.raises(CorruptSegmentError, match=RUN_A):
        newest_id(StoreSaver(tmp_path))


@pytest.mark.usefixtures("fast_disk")
def test_in_a_log_with_room_for_more_a_torn_record_is_dropped(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The room is zeros: a record that was cut has them in place of its end."""
    monkeypatch.setattr(log_writer, "_SMALL", 100)
    monkeypatch.setattr(log_writer, "_MOST_ROOM", 4000)
    saver = StoreSaver(tmp_path, run=RUN_A)
    for number in range(3):
        put(saver, str(number), "x" * 500)
    log = log_of(tmp_path, RUN_A)
    before = content(tmp_path)
    start = len(log.read_bytes().rstrip(b"\0"))
    put(saver, "3", "y" * 400)
    whole = log.read_bytes()
    end = len(whole.rstrip(b"\0"))
    assert start < end < len(whole)
    for cut in range(start, end):
        log.write_bytes(whole[:cut] + bytes(len(whole) - cut))
        assert newest_id(StoreSaver(tmp_path)) == "2", f"cut at {cut}"
        if cut % 20 == 0:
            assert content(tmp_path) == before, f"cut at {cut}"
            assert summary(tmp_path, THREAD, RUN_A) == ("2", 3)
    put(StoreSaver(tmp_path, run=RUN_A), "4")
    assert ids(StoreSaver(tmp_path)) == ["4", "2", "1", "0"]


def test_a_run_with_a_trimmed_index_still_finds_all_its_checkpoints(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(segment, "_TRIM_EVERY", 10)
    monkeypatch.setattr(index, "_MOST", 20)
    monkeypatch.setattr(index, "_RECENT", 5)
    saver = StoreSaver(tmp_path, run=RUN_A)
    for number in range(95):
        put(saver, f"{number:03}", parent=f"{number - 1:03}")
    assert newest_id(saver) == "094"
    assert saver.get_tuple(config("000")) is not None
    assert len(ids(saver)) == 95
    with counted() as operations:
        assert summary(tmp_path, THREAD, RUN_A) == ("094", 95)
    assert operations["pread"] < 40


def test_the_first_entry_is_chained_to_no_record_before_it() -> None:
    entry = Entry(1, {"thread": "t", "ns": "", "id": "1", "attempt": 1}, b"")
    assert Index().chained(entry).meta["chain"] == [0, 1, "1", False]
