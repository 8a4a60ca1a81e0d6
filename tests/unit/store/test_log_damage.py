"""Changed bits: readers name them, or drop them with the last record. Never a wrong value."""

from pathlib import Path

import pytest

from agentrun_store.checkpointer import StoreSaver
from agentrun_store.errors import CorruptSegmentError
from agentrun_store.log import HEADER
from agentrun_store.rollback import drop_run
from unit.store.support import (
    RUN_A,
    RUN_B,
    RUN_C,
    THREAD,
    checkpoint,
    config,
    content,
    log_of,
    newest,
    newest_id,
    put,
)


def flip(log: Path, offset: int, bit: int = 0) -> None:
    data = bytearray(log.read_bytes())
    data[offset] ^= 1 << bit
    log.write_bytes(data)


def three_records(root: Path, run: str, ids: str) -> Path:
    saver = StoreSaver(root, run=run)
    put(saver, ids[0], f"value {ids[0]}")
    saver.put_writes(config(ids[0]), [("value", f"write {ids[0]}")], "task")
    put(saver, ids[1], f"value {ids[1]}", parent=ids[0])
    return log_of(root, run)


@pytest.mark.parametrize("bit", [0, 3, 7])
def test_a_flipped_bit_anywhere_never_gives_a_wrong_value(bit: int, tmp_path: Path) -> None:
    log = three_records(tmp_path, RUN_A, "12")
    sound = content(tmp_path)
    without_last = {"1": sound["1"]}
    whole = log.read_bytes()
    last_record = whole.rindex(b"\xa5REC")
    for offset in range(len(whole)):
        flip(log, offset, bit)
        if offset < last_record:
            with pytest.raises(CorruptSegmentError, match=f"000001-{RUN_A}.*offset [0-9]+"):
                content(tmp_path)
        else:
            assert content(tmp_path) == without_last, f"byte {offset}"
        log.write_bytes(whole)
    assert content(tmp_path) == sound


@pytest.mark.parametrize("step", [*range(1, 12), 1 << 20])
def test_damage_is_found_however_far_the_next_sound_record_is(
    step: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The search for it goes step by step, and the record may lie across two of them."""
    monkeypatch.setattr("agentrun_store.log._STEP", step)
    saver = StoreSaver(tmp_path, run=RUN_A)
    put(saver, "1", b"x" * (4 * step if step > 100 else 10))
    put(saver, "2")
    flip(log_of(tmp_path, RUN_A), len(HEADER))
    with pytest.raises(CorruptSegmentError):
        content(tmp_path)


def test_a_damaged_newest_segment_is_an_error_and_never_an_older_state(tmp_path: Path) -> None:
    three_records(tmp_path, RUN_A, "12")
    flip(three_records(tmp_path, RUN_B, "34"), len(HEADER) + 1)
    saver = StoreSaver(tmp_path, run=RUN_C)
    for _ in range(2):
        with pytest.raises(CorruptSegmentError, match=RUN_B):
            newest(saver)
        with pytest.raises(CorruptSegmentError, match=RUN_B):
            list(saver.list(config()))
        with pytest.raises(CorruptSegmentError, match=RUN_B):
            saver.get_tuple(config("4"))


def test_damage_in_one_segment_hides_no_checkpoint_of_the_others(tmp_path: Path) -> None:
    three_records(tmp_path, RUN_A, "12")
    flip(three_records(tmp_path, RUN_B, "34"), len(HEADER) + 1)
    three_records(tmp_path, RUN_C, "56")
    saver = StoreSaver(tmp_path)
    for sound in "1256":
        found = saver.get_tuple(config(sound))
        assert found is not None
        assert found.checkpoint["channel_values"] == {"value": f"value {sound}"}
    assert newest_id(saver) == "6"


def test_a_damaged_payload_hides_no_other_checkpoint_of_its_segment(tmp_path: Path) -> None:
    log = three_records(tmp_path, RUN_A, "12")
    flip(log, log.read_bytes().index(b"value 1"))
    saver = StoreSaver(tmp_path)
    assert newest_id(saver) == "2"
    with pytest.raises(CorruptSegmentError, match=RUN_A):
        saver.get_tuple(config("1"))


def test_nothing_is_appended_to_a_damaged_log(tmp_path: Path) -> None:
    log = three_records(tmp_path, RUN_A, "12")
    flip(log, len(HEADER) + 1)
    damaged = log.read_bytes()
    with pytest.raises(CorruptSegmentError, match=RUN_A):
        put(StoreSaver(tmp_path, run=RUN_A), "3")
    assert log.read_bytes() == damaged


def test_a_damaged_segment_can_be_rolled_back(tmp_path: Path) -> None:
    three_records(tmp_path, RUN_A, "12")
    before = content(tmp_path)
    log = three_records(tmp_path, RUN_B, "34")
    put(StoreSaver(tmp_path, run=RUN_B), "5")
    flip(log, log.read_bytes().index(b"\xa5REC", len(HEADER) + 1))
    assert drop_run(tmp_path, THREAD, RUN_B) == 1  # of three; the others cannot be found
    assert content(tmp_path) == before


def test_a_log_of_another_version_is_no_torn_tail(tmp_path: Path) -> None:
    """A newer store's records look like garbage; an older store must not cut them off."""
    log = three_records(tmp_path, RUN_A, "12")
    other = b"AgentRun log 02\n" + b"records of a format that we do not know"
    log.write_bytes(other)
    with pytest.raises(CorruptSegmentError, match="version"):
        content(tmp_path)
    with pytest.raises(CorruptSegmentError, match="version"):
        put(StoreSaver(tmp_path, run=RUN_A), "3")
    assert log.read_bytes() == other


def test_a_record_moved_to_another_place_is_not_taken_for_one(tmp_path: Path) -> None:
    """A disk may write a block to the wrong place: each record is sound, but not there."""
    log = three_records(tmp_path, RUN_A, "12")
    other = three_records(tmp_path, RUN_B, "12")
    assert log.stat().st_size == other.stat().st_size
    log.write_bytes(other.read_bytes())
    drop_run(tmp_path, THREAD, RUN_B)
    assert content(tmp_path) == {}


def test_a_callers_later_changes_are_not_stored(tmp_path: Path) -> None:
    saver = StoreSaver(tmp_path, run=RUN_A)
    state, metadata = checkpoint("1", ["a"]), {"source": "loop", "parents": {"": "0"}}
    saver.put(config(), state, metadata, {})  # type: ignore[arg-type]
    state["channel_values"]["value"].append("b")
    metadata["parents"][""] = "9"  # type: ignore[index]
    for _ in range(2):
        found = newest(saver)
        assert found is not None
        assert found.checkpoint["channel_values"] == {"value": ["a"]}
        assert found.metadata["parents"] == {"": "0"}
        found.metadata["parents"][""] = "8"
