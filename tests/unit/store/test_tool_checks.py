"""`agentrun-store check` names damage, which hides nothing else from any command."""

from pathlib import Path

import pytest

from agentrun_store.checkpointer import StoreSaver
from agentrun_store.log import HEADER
from agentrun_store.rollback import drop_run
from unit.store.conftest import Tool
from unit.store.support import RUN_A, RUN_B, RUN_C, THREAD, config, log_of, put

OTHER = "threads/other"


def two_threads(root: Path) -> None:
    for run, ids in ((RUN_A, "12"), (RUN_B, "34")):
        saver = StoreSaver(root, run=run)
        put(saver, ids[0], f"value {ids[0]}")
        saver.put_writes(config(ids[0]), [("value", f"write {ids[0]}")], "task")
        put(saver, ids[1], f"value {ids[1]}", parent=ids[0])
    put(StoreSaver(root, run=RUN_C), "9", thread="other")


def flip(log: Path, offset: int) -> None:
    data = bytearray(log.read_bytes())
    data[offset] ^= 1
    log.write_bytes(data)


def sampled(log: bytes) -> list[int]:
    """Offsets in a log: around each record's start, and some in between. `test_log_damage` and
    `test_log_torn_tail` take each, below the command line."""
    starts = [at for at in range(len(log)) if log[at:].startswith(b"\xa5REC")]
    near = {at + step for at in (0, *starts, len(log) - 1) for step in (-1, 0, 1, 4)}
    return sorted(at for at in near.union(range(0, len(log), 31)) if 0 <= at < len(log))


def listed(tool: Tool) -> list[str]:
    return [row["checkpoint"] for row in tool("checkpoints", "chat", "--json").json]


def test_a_sound_store_has_no_damage(tmp_path: Path, tool: Tool) -> None:
    two_threads(tmp_path)
    typed = tool("check", "--json")
    assert (typed.code, typed.err) == (0, "")
    assert typed.json == [
        {"thread": THREAD, "segments": 2, "damaged": [], "unfinished": []},
        {"thread": OTHER, "segments": 1, "damaged": [], "unfinished": []},
    ]
    assert tool("check") == (0, "threads: 2, segments: 3, damaged places: 0\n", "")


def test_an_empty_store_is_sound(tool: Tool) -> None:
    assert tool("check", "--json") == (0, "[]\n", "")


def test_a_damaged_record_is_named_and_the_other_segments_are_listed(
    tmp_path: Path, tool: Tool
) -> None:
    two_threads(tmp_path)
    log = log_of(tmp_path, RUN_A)
    flip(log, len(HEADER))
    typed = tool("check", "--json")
    assert (typed.code, typed.err) == (1, "")
    chat, other = typed.json
    (damage,) = chat.pop("damaged")
    assert chat == {"thread": THREAD, "segments": 2, "unfinished": []}
    assert other["damaged"] == []
    message = damage.pop("message")
    assert damage == {"run": RUN_A, "file": str(log), "offset": len(HEADER)}
    assert message.startswith(f"{log}, offset {len(HEADER)}: ")

    assert tool("check", "other").code == 0
    assert str(log) in tool("check", "chat").out
    threads = tool("threads", "--json")
    assert threads.code == 1
    assert [row["checkpoints"] for row in threads.json] == [2, 1]
    assert str(log) in threads.err
    runs = tool("runs", "chat", "--json")
    assert runs.code == 1
    assert [row["checkpoints"] for row in runs.json] == [0, 2]
    checkpoints = tool("checkpoints", "chat", "--json")
    assert checkpoints.code == 1
    assert [row["checkpoint"] for row in checkpoints.json] == ["4", "3"]
    assert str(log) in checkpoints.err


def test_every_damaged_payload_is_named(tmp_path: Path, tool: Tool) -> None:
    """Only their readers would notice: the heads and metas are sound."""
    two_threads(tmp_path)
    log = log_of(tmp_path, RUN_A)
    for text in (b"value 1", b"write 1"):
        flip(log, log.read_bytes().index(text))
    typed = tool("check", "chat", "--json")
    assert typed.code == 1
    first, second = typed.json[0]["damaged"]
    assert first["offset"] == len(HEADER) < second["offset"]
    assert {first["run"], second["run"]} == {RUN_A}
    assert listed(tool) == ["4", "3", "2", "1"]


@pytest.mark.usefixtures("fast_disk")
def test_a_flipped_bit_anywhere_is_damage_or_a_dropped_last_record(
    tmp_path: Path, tool: Tool
) -> None:
    two_threads(tmp_path)
    log = log_of(tmp_path, RUN_A)
    whole = log.read_bytes()
    last_record = whole.rindex(b"\xa5REC")
    for offset in sampled(whole):
        flip(log, offset)
        typed = tool("check", "chat", "--json")
        (found,) = typed.json[0]["damaged" if offset < last_record else "unfinished"]
        assert typed.code == (1 if offset < last_record else 0), f"byte {offset}"
        assert (found["run"], found["file"]) == (RUN_A, str(log))
        log.write_bytes(whole)


@pytest.mark.usefixtures("fast_disk")
def test_a_cut_file_is_named_wherever_it_was_cut_within_a_record(
    tmp_path: Path, tool: Tool
) -> None:
    """A killed writer's log looks the same, and is no damage."""
    two_threads(tmp_path)
    log = log_of(tmp_path, RUN_A)
    whole = log.read_bytes()
    ends = [
        0,
        len(HEADER),
        *(at for at in range(20, len(whole)) if whole[at:].startswith(b"\xa5REC")),
    ]
    for length in sampled(whole):
        log.write_bytes(whole[:length])
        typed = tool("check", "chat", "--json")
        assert (typed.code, typed.json[0]["damaged"]) == (0, [])
        start = max(end for end in ends if end <= length)
        found = [(one["file"], one["offset"]) for one in typed.json[0]["unfinished"]]
        assert found == ([(str(log), start)] if length > start else []), f"{length} bytes"
        assert listed(tool)[:2] == ["4", "3"]


def test_a_log_of_another_version_is_named(tmp_path: Path, tool: Tool) -> None:
    two_threads(tmp_path)
    log_of(tmp_path, RUN_A).write_bytes(b"AgentRun log 02\n...")
    typed = tool("check", "chat")
    assert typed.code == 1
    assert "cannot read the format" in typed.out


def test_a_link_out_of_the_thread_is_named_and_not_followed(tmp_path: Path, tool: Tool) -> None:
    two_threads(tmp_path)
    segments = tmp_path / THREAD / "segments"
    (segments / f"000009-{RUN_C}").symlink_to(tmp_path / OTHER / "segments" / f"000001-{RUN_C}")
    typed = tool("check", "--json")
    assert typed.code == 1
    (damage,) = typed.json[0]["damaged"]
    assert "is a symbolic link" in damage["message"]
    runs = tool("runs", "chat", "--json")
    assert (runs.code, [row["run"] for row in runs.json]) == (1, [RUN_A, RUN_B])
    segments.rename(tmp_path / "elsewhere")
    segments.symlink_to(tmp_path / "elsewhere")
    typed = tool("check", "--json")
    assert typed.code == 1
    assert [len(thread["damaged"]) for thread in typed.json] == [1, 0]
    threads = tool("threads", "--json")
    assert (threads.code, [row["thread"] for row in threads.json]) == (1, [OTHER])


def test_what_was_rolled_back_is_not_checked(tmp_path: Path, tool: Tool) -> None:
    two_threads(tmp_path)
    drop_run(tmp_path, THREAD, RUN_B)
    left = tmp_path / THREAD / "segments" / f"000002-{RUN_B}"
    left.mkdir()
    (left / "checkpoints.log").write_bytes(b"AgentRun log 02\n...")
    assert tool("check").code == 0


def test_no_older_state_is_shown_for_a_damaged_newest_one(tmp_path: Path, tool: Tool) -> None:
    two_threads(tmp_path)
    flip(log_of(tmp_path, RUN_B), len(HEADER))
    newest = tool("show", "chat")
    assert (newest.code, newest.out) == (1, "")
    assert RUN_B in newest.err
    by_id = tool("show", "chat", "2")
    assert by_id.code == 0
    assert by_id.json["values"] == {"value": "value 2"}
    lost = tool("show", "chat", "4")
    assert (lost.code, lost.out) == (1, "")
    assert RUN_B in lost.err


def test_a_damaged_checkpoint_is_not_shown(tmp_path: Path, tool: Tool) -> None:
    two_threads(tmp_path)
    log = log_of(tmp_path, RUN_A)
    flip(log, log.read_bytes().index(b"value 1"))
    typed = tool("show", "chat", "1")
    assert (typed.code, typed.out) == (1, "")
    assert f"{log}, offset {len(HEADER)}" in typed.err
