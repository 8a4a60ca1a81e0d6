"""An agent can write anything to its segment, and a hostile volume holds anything. That affects
the agent's own run only: other threads are listed and checked, and the run can be rolled back."""

import errno
import json
import os
import resource
from collections import deque
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any
from zlib import crc32

import pytest
from langgraph.checkpoint.serde import jsonplus

from agentrun_store import cleanup, log, values
from agentrun_store.checkpointer import StoreSaver
from agentrun_store.errors import CorruptSegmentError, StoreError
from agentrun_store.log import Entry
from agentrun_store.names import check_run
from agentrun_store.rollback import drop as drop_any
from agentrun_store.rollback import drop_run
from agentrun_store.tool import render
from unit.store.conftest import Tool
from unit.store.shapes import OF_A_SEGMENT, OF_A_THREAD
from unit.store.support import RUN_A, RUN_B, RUN_C, THREAD, config, log_of, put

CHECKPOINT: dict[str, Any] = {
    "thread": "chat",
    "ns": "",
    "id": "9",
    "attempt": 1,
    "parent": None,
    "type": "null",
    "metadata": {},
}
METAS: list[Any] = [
    [],
    {},
    *(CHECKPOINT | {field: [[]]} for field in CHECKPOINT),
    *({key: CHECKPOINT[key] for key in CHECKPOINT if key != field} for field in CHECKPOINT),
    CHECKPOINT | {"without": 1},
    CHECKPOINT | {"without": [1]},
    CHECKPOINT | {"without": [["x"]]},
    CHECKPOINT | {"attempt": True},
    CHECKPOINT | {"attempt": -1},
    CHECKPOINT | {"attempt": 10**300},
    CHECKPOINT | {"metadata": json.loads('{"a":' * 101 + "1" + "}" * 101)},
]
WRITES = CHECKPOINT | {"task": "", "path": "", "writes": []}
BAD_WRITES: list[Any] = [
    ["0", "value", "null", 0],
    [10**300, "value", "null", 0],
    [0, "value", "null", -1],
    [0, "value", "null", 10**300],
    [0, "value", "null", 1],
    [True, "value", "null", 0],
    [0, "value", "null"],
    0,
]


def add_record(root: Path, kind: int, meta: Any) -> None:
    """Add a record with valid checksums."""
    path = log_of(root, RUN_A)
    size = path.stat().st_size
    _, data = log.encode(check_run(RUN_A), size, Entry(kind, meta, b""))
    path.write_bytes(path.read_bytes() + data)


HOSTILE: dict[str, Callable[[Path], object]] = {
    **{f"meta {json.dumps(meta)}": partial(add_record, kind=1, meta=meta) for meta in METAS},
    "unknown kind": lambda root: add_record(root, 7, CHECKPOINT),
    **{
        f"write {str(write)[:40]}": partial(add_record, kind=2, meta=WRITES | {"writes": [write]})
        for write in BAD_WRITES
    },
}


@pytest.mark.parametrize("name", HOSTILE, ids=lambda name: name[:60])
def test_a_hostile_log_is_named_as_damage_and_can_be_rolled_back(
    name: str, tmp_path: Path, tool: Tool
) -> None:
    put(StoreSaver(tmp_path, run=RUN_A), "1")
    put(StoreSaver(tmp_path, run=RUN_B), "2", thread="other")
    HOSTILE[name](tmp_path)

    threads = tool("threads", "--json")
    assert [row["thread"] for row in threads.json] == [THREAD, "threads/other"]
    assert RUN_A in threads.err
    check = tool("check", "--json")
    assert check.code == 1
    assert [len(thread["damaged"]) for thread in check.json] == [1, 0]
    assert tool("checkpoints", "chat").code == 1

    assert drop_run(tmp_path, THREAD, RUN_A) in (0, 1)
    assert tool("check").code == 0
    assert list((tmp_path / THREAD / "segments").iterdir()) == []


@pytest.mark.parametrize("text", [b"{", b"[" * 100_000], ids=["{", "[[["])
def test_a_record_that_is_no_json_is_no_record(text: bytes, tmp_path: Path, tool: Tool) -> None:
    put(StoreSaver(tmp_path, run=RUN_A), "1")
    path = log_of(tmp_path, RUN_A)
    size = path.stat().st_size
    run = check_run(RUN_A)
    payload_crc = log._payload_crc(b"", run, size)
    head = log._HEAD.pack(log.MAGIC, 1, len(text), 0, payload_crc, 0)[: log._CHECKED]
    head += log._CRC.pack(crc32(text, crc32(head, log._seed(run, size))))
    path.write_bytes(path.read_bytes() + head + text)
    check = tool("check", "--json")
    assert [found["offset"] for found in check.json[0]["unfinished"]] == [size]
    assert tool("show", "chat").json["checkpoint"] == "1"


@pytest.mark.parametrize(
    "text", [b"{", b"[" * 100_000, b"\xff", b'{"checkpoints": 1e999, "seq": 1}']
)
def test_a_tombstone_buries_its_run_whatever_is_in_it(
    text: bytes, tmp_path: Path, tool: Tool
) -> None:
    put(StoreSaver(tmp_path, run=RUN_A), "1")
    tombstones = tmp_path / THREAD / "tombstones"
    tombstones.mkdir()
    (tombstones / RUN_A).write_bytes(text)
    assert tool("runs", "chat").code == 0
    assert tool("checkpoints", "chat", "--json").json == []
    assert drop_run(tmp_path, THREAD, RUN_A) == 0
    assert list((tmp_path / THREAD / "segments").iterdir()) == []


@pytest.mark.parametrize("target", ["/dev/zero", "/nowhere"])
def test_a_tombstone_that_leads_elsewhere_is_not_followed_but_replaced(
    target: str, tmp_path: Path, tool: Tool
) -> None:
    """A device without an end takes all memory of the node, and other runs' clean-up with it."""
    put(StoreSaver(tmp_path, run=RUN_A), "1")
    tombstones = tmp_path / THREAD / "tombstones"
    tombstones.mkdir()
    (tombstones / RUN_A).symlink_to(target)
    with (tombstones / RUN_B).open("wb") as file:
        file.truncate(1 << 40)  # sparse
    assert tool("runs", "chat").code == 0
    assert drop_run(tmp_path, THREAD, RUN_A) == 1
    assert not (tombstones / RUN_A).is_symlink()
    assert drop_run(tmp_path, THREAD, RUN_B) == 0
    assert list((tmp_path / THREAD / "segments").iterdir()) == []


def clean(root: Path, monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    """The report of a clean-up Job for RUN_A on its thread and RUN_B on another."""
    works = [{"uid": RUN_A, "thread": THREAD}, {"uid": RUN_B, "thread": "threads/other"}]
    monkeypatch.setenv("AGENTRUN_CLEANUP", json.dumps(works))
    umask = os.umask(0o002)
    try:
        cleanup.main(root, root / "termination-log")
    finally:
        os.umask(umask)
    report: dict[str, Any] = json.loads((root / "termination-log").read_text())
    return report


@pytest.mark.parametrize("name", [*OF_A_SEGMENT, *OF_A_THREAD])
def test_whatever_an_agent_leaves_all_runs_of_the_job_are_rolled_back(
    name: str, unprivileged: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    put(StoreSaver(unprivileged, run=RUN_A), "1")
    put(StoreSaver(unprivileged, run=RUN_B), "2", thread="other")
    segment = log_of(unprivileged, RUN_A).parent
    (OF_A_SEGMENT | OF_A_THREAD)[name](segment)
    report = clean(unprivileged, monkeypatch)
    assert report["errors"] == {}
    assert report["runs"].keys() == {RUN_A, RUN_B}
    assert report["runs"][RUN_B] == {"checkpoints": 1}
    directory = unprivileged / THREAD
    left = list((directory / "segments").iterdir()) if (directory / "segments").exists() else []
    kept = f"kept-{segment.name}"  # kept for later runs, if their need is unknown
    assert [path.name for path in left if RUN_A in path.name and path.name != kept] == []
    tombstone = directory / "tombstones" / RUN_A
    assert json.loads(tombstone.read_text())["checkpoints"] in (0, 1)
    assert not tombstone.is_symlink()
    put(StoreSaver(unprivileged, run=RUN_B), "3")
    found = StoreSaver(unprivileged).get_tuple(config())
    assert found is not None
    assert found.checkpoint["id"] == "3"


@pytest.mark.parametrize("name", OF_A_SEGMENT)
def test_whatever_an_agent_leaves_later_and_older_runs_can_be_rolled_back(
    name: str, unprivileged: Path
) -> None:
    """A rollback reads the logs of later runs to find what they need."""
    for run, checkpoint_id in ((RUN_C, "1"), (RUN_A, "2"), (RUN_B, "3")):
        put(StoreSaver(unprivileged, run=run), checkpoint_id)
    OF_A_SEGMENT[name](log_of(unprivileged, RUN_A).parent)
    assert drop_run(unprivileged, THREAD, RUN_B) == 1
    assert drop_run(unprivileged, THREAD, RUN_C) == 1
    assert drop_run(unprivileged, THREAD, RUN_A) in (0, 1)
    assert list((unprivileged / THREAD / "segments").iterdir()) == []


@pytest.mark.usefixtures("any_trees")
@pytest.mark.parametrize("name", OF_A_SEGMENT)
def test_whatever_an_agent_leaves_all_other_threads_are_listed_and_checked(
    name: str, tmp_path: Path, tool: Tool
) -> None:
    put(StoreSaver(tmp_path, run=RUN_A), "1")
    put(StoreSaver(tmp_path, run=RUN_B), "2", thread="other")
    OF_A_SEGMENT[name](log_of(tmp_path, RUN_A).parent)
    is_damage = "log " in name and "permissions" not in name  # the tests may run as root
    for command in ("threads", "check"):
        typed = tool(command, "--json")
        assert [row["thread"] for row in typed.json] == [THREAD, "threads/other"]
        assert typed.json[1].get("checkpoints", 1) == 1
        assert typed.code == int(is_damage)
        assert (RUN_A in typed.out + typed.err) == is_damage
    assert tool("checkpoints", "other", "--json").json[0]["checkpoint"] == "2"
    for command in ("runs", "checkpoints", "show"):
        assert tool(command, "chat").code == int(is_damage)


def test_the_rollback_of_a_large_log_has_a_bound_on_its_memory(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """All of the metadata is larger than the clean-up's memory."""
    add = {"metadata": {"x": "y" * 3_000_000}}
    put(StoreSaver(tmp_path, run=RUN_A), "1")
    put(StoreSaver(tmp_path, run=RUN_B), "2", thread="other")
    path, run = log_of(tmp_path, RUN_A), check_run(RUN_A)
    with path.open("ab") as file:
        for number in range(30):
            meta = CHECKPOINT | add | {"id": f"more-{number}"}
            file.write(log.encode(run, file.tell(), Entry(1, meta, b""))[1])
    before = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss
    report = clean(tmp_path, monkeypatch)
    after = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss
    own = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    assert report["runs"] == {RUN_A: {"checkpoints": 31}, RUN_B: {"checkpoints": 1}}
    assert after <= max(before, own + (cleanup.MEMORY >> 10))


@pytest.mark.parametrize(
    "typed",
    [("json", b"{}"), ("null", b""), ("pickle", b"x"), ("msgpack", b"\xc1"), ("json", b"1" * 5000)],
    ids=str,
)
def test_a_state_that_no_serializer_takes_is_damage_and_hides_no_older_one(
    typed: tuple[str, bytes], tmp_path: Path
) -> None:
    put(StoreSaver(tmp_path, run=RUN_B), "1")
    put(StoreSaver(tmp_path, run=RUN_A), "2", parent="1")
    path = log_of(tmp_path, RUN_A)
    meta = CHECKPOINT | {"type": typed[0]}
    _, data = log.encode(check_run(RUN_A), path.stat().st_size, Entry(1, meta, typed[1]))
    path.write_bytes(path.read_bytes() + data)
    saver = StoreSaver(tmp_path, run=RUN_C)
    with pytest.raises(CorruptSegmentError, match=RUN_A):
        saver.get_tuple(config())
    with pytest.raises(CorruptSegmentError):
        list(saver.list(config()))
    assert saver.get_tuple(config("1")) is not None


def test_a_checkpoint_that_is_its_own_ancestor_is_damage(tmp_path: Path) -> None:
    saver = StoreSaver(tmp_path, run=RUN_A)
    put(saver, "1", parent="2")
    put(saver, "2", parent="1")
    with pytest.raises(CorruptSegmentError, match="its own ancestor"):
        saver.get_delta_channel_history(config=config("1"), channels=["other"])


def test_the_saver_refuses_to_write_what_no_reader_accepts(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    saver = StoreSaver(tmp_path, run=RUN_A)
    put(saver, "1")
    deep: dict[str, Any] = {}
    for _ in range(101):
        deep = {"deep": deep}
    with pytest.raises(StoreError, match="deeper than 100"):
        put(saver, "2", parent="1", deep=deep)
    with pytest.raises(StoreError, match="bytes of metadata"):
        put(saver, "2", parent="1", long="x" * (4 << 20))
    monkeypatch.setattr(log, "MAX_PAYLOAD", 1000)
    with pytest.raises(StoreError, match="of state 1000"):
        put(saver, "2", "x" * 1000, parent="1")
    put(saver, "2", parent="1")
    assert [found.checkpoint["id"] for found in saver.list(config())] == ["2", "1"]


def test_writes_may_be_any_sequence(tmp_path: Path) -> None:
    saver = StoreSaver(tmp_path, run=RUN_A)
    put(saver, "1")
    saver.put_writes(config("1"), deque([("a", 1), ("b", 2)]), "task")
    found = saver.get_tuple(config("1"))
    assert found is not None
    assert found.pending_writes == [("task", "a", 1), ("task", "b", 2)]


def test_the_decoder_of_the_clean_up_has_langgraphs_codes() -> None:
    assert values.EXT_DELTA_SNAPSHOT == jsonplus.EXT_DELTA_SNAPSHOT
    assert values.EXT_NUMPY_ARRAY == jsonplus.EXT_NUMPY_ARRAY


@pytest.mark.parametrize(
    "data",
    [
        b"\x81\x90\x01",
        b"\x91" * 5_000,
        b"\xdd\xff\xff\xff\xff",
        *(b"\xc7\x01" + bytes([code, byte]) for code in range(8) for byte in (1, 0x90, 0xC0)),
        b"\xc7\x04\x06\x92\xa1a\x01",
    ],
    ids=bytes.hex,
)
def test_any_bytes_can_be_shown(data: bytes) -> None:
    json.dumps(render.as_json(values.loads(("msgpack", data))))


@pytest.mark.parametrize("thread", [THREAD, f"stateless/{RUN_A}"])
def test_directories_that_only_the_kubelet_may_remove_are_left_empty(
    thread: str, unprivileged: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The kubelet makes them as root, with the sticky bit if the root of the volume has it."""
    thread_id = thread.rpartition("/")[2]
    saver = StoreSaver(unprivileged, run=RUN_A, thread_dir_of=lambda _: thread)
    put(saver, "1", thread=thread_id)
    segment = next((unprivileged / thread / "segments").iterdir())
    (segment / "workspace" / "deep" / "tree").mkdir(parents=True)
    of_kubelet = set(segment.relative_to(unprivileged).parts)
    rmdir, rename = os.rmdir, os.rename

    def refuse(name: str | Path) -> None:
        if Path(name).name in of_kubelet:
            raise PermissionError(errno.EPERM, "Operation not permitted", str(name))

    def refusing_rmdir(path: str | Path, *, dir_fd: int | None = None) -> None:
        refuse(path)
        rmdir(path, dir_fd=dir_fd)

    def refusing_rename(old: str | Path, new: str | Path, **places: int) -> None:
        refuse(old)
        rename(old, new, **places)

    monkeypatch.setattr(os, "rmdir", refusing_rmdir)
    monkeypatch.setattr(os, "rename", refusing_rename)
    assert drop_any(unprivileged, thread, RUN_A) == 1
    left = [path for path in (unprivileged / thread).rglob("*") if not path.is_dir()]
    assert [path.relative_to(unprivileged / thread) for path in left] in (
        [],
        [Path("tombstones", RUN_A)],
    )
    assert list(segment.iterdir()) == []
