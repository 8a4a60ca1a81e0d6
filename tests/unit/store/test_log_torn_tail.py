"""A log that ends in the middle of a record."""

import os
from pathlib import Path

import pytest

from agentrun_store.checkpointer import StoreSaver
from agentrun_store.errors import SegmentBusyError
from agentrun_store.log import HEADER
from unit.store.support import RUN_A, config, content, ids, log_of, newest_id, put


def written(root: Path) -> tuple[Path, list[int], list[dict[str, object]]]:
    """A log of four records; its length after each of them, and what readers saw then."""
    saver = StoreSaver(root, run=RUN_A)
    lengths: list[int] = []
    contents = [content(root)]
    for number in range(4):
        if number == 2:
            saver.put_writes(config("1"), [("value", "written"), ("other", 2)], "task")
        else:
            put(saver, str(number), f"value {number}")
        lengths.append(log_of(root, RUN_A).stat().st_size)
        contents.append(content(root))
    return log_of(root, RUN_A), lengths, contents


@pytest.mark.usefixtures("fast_disk")
def test_a_log_cut_at_any_byte_keeps_its_whole_records_and_can_be_extended(tmp_path: Path) -> None:
    log, lengths, contents = written(tmp_path)
    whole = log.read_bytes()
    for length in range(len(whole)):
        log.write_bytes(whole[:length])
        records = sum(end <= length for end in lengths)
        assert content(tmp_path) == contents[records], f"cut at {length}"
        assert log.read_bytes() == whole[:length], f"cut at {length}: a reader wrote"

        put(StoreSaver(tmp_path, run=RUN_A), "new", "new")
        expected = contents[records] | {"new": ({"value": "new"}, [])}
        assert content(tmp_path) == expected, f"cut at {length}"


@pytest.mark.parametrize("rest", [b"\0", b"\0" * 10_000, b"\xff" * 40, HEADER], ids=len)
def test_bytes_behind_the_last_record_after_a_power_cut_are_dropped(
    rest: bytes, tmp_path: Path
) -> None:
    log, _, contents = written(tmp_path)
    with log.open("ab") as file:
        file.write(rest)
    assert content(tmp_path) == contents[-1]
    put(StoreSaver(tmp_path, run=RUN_A), "new", "new")
    assert content(tmp_path) == contents[-1] | {"new": ({"value": "new"}, [])}


def test_zeros_in_place_of_the_last_payload_are_dropped(tmp_path: Path) -> None:
    log, _, contents = written(tmp_path)
    whole = log.read_bytes()
    log.write_bytes(whole[:-8] + bytes(8))
    assert content(tmp_path) == contents[-2]


def test_a_torn_payload_that_holds_a_whole_log_is_still_a_torn_tail(tmp_path: Path) -> None:
    """An agent may keep anything in its state, also valid records, even of its own run."""
    log, _, contents = written(tmp_path)
    saver = StoreSaver(tmp_path, run=RUN_A)
    put(saver, "4", log.read_bytes() * 3)
    whole = log.read_bytes()
    log.write_bytes(whole[:-4])
    assert content(tmp_path) == contents[-1]


def test_a_torn_writes_record_loses_all_of_its_writes(tmp_path: Path) -> None:
    saver = StoreSaver(tmp_path, run=RUN_A)
    put(saver, "1")
    saver.put_writes(config("1"), [("a", 1), ("b", 2)], "task")
    log = log_of(tmp_path, RUN_A)
    log.write_bytes(log.read_bytes()[:-1])
    assert content(tmp_path)["1"][1] == []


def test_a_record_that_is_written_during_a_read_is_no_damage(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The writer may finish it, and append another, before the reader reads the rest."""
    _, lengths, contents = written(tmp_path)
    pread, looked_at = os.pread, set()

    def early_look(fd: int, length: int, at: int) -> bytes:
        data = pread(fd, length, at)
        if at == lengths[1] and at not in looked_at:
            looked_at.add(at)
            return bytes(len(data))
        return data

    monkeypatch.setattr(os, "pread", early_look)
    assert content(tmp_path) == contents[-1]
    assert looked_at


def test_a_writer_stops_when_another_one_wrote_to_its_segment(tmp_path: Path) -> None:
    """Two pods of one run: a lost node came back. The slower one must not interleave."""
    lost, retry = StoreSaver(tmp_path, run=RUN_A), StoreSaver(tmp_path, run=RUN_A)
    put(lost, "1")
    put(retry, "2")
    with pytest.raises(SegmentBusyError, match="another process"):
        put(lost, "3")
    put(retry, "4")
    assert ids(StoreSaver(tmp_path)) == ["4", "2", "1"]


def test_a_writer_stops_when_its_log_was_replaced(tmp_path: Path) -> None:
    """No reader would ever see its writes to the file that it has open."""
    saver = StoreSaver(tmp_path, run=RUN_A)
    put(saver, "1")
    log = log_of(tmp_path, RUN_A)
    copy = log.with_name("copy")
    copy.write_bytes(log.read_bytes())
    copy.replace(log)
    with pytest.raises(SegmentBusyError):
        put(saver, "2")


def test_short_reads_and_writes_lose_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pread, pwrite = os.pread, os.pwrite
    monkeypatch.setattr(os, "pread", lambda fd, length, at: pread(fd, min(length, 11), at))
    monkeypatch.setattr(os, "pwrite", lambda fd, data, at: pwrite(fd, data[:13], at))
    _, _, contents = written(tmp_path)
    monkeypatch.undo()
    assert content(tmp_path) == contents[-1]
    assert len(contents[-1]) == 3


def test_a_writer_stops_when_its_segment_was_removed(tmp_path: Path) -> None:
    saver = StoreSaver(tmp_path, run=RUN_A)
    put(saver, "1")
    StoreSaver(tmp_path).delete_thread("chat")
    with pytest.raises(SegmentBusyError):
        put(saver, "2")
    assert newest_id(StoreSaver(tmp_path)) is None
