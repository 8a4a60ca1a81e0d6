"""An agent can write to its thread's directory what it likes. It hinders nobody's work but its own:
other threads are listed and checked, and its run can be rolled back."""

import json
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any
from zlib import crc32

import pytest

from agentrun_store import log
from agentrun_store.checkpointer import StoreSaver
from agentrun_store.log import Entry
from agentrun_store.names import check_run
from agentrun_store.rollback import drop_run
from unit.store.conftest import Tool
from unit.store.support import RUN_A, RUN_B, THREAD, log_of, put

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
]


def add_record(root: Path, kind: int, meta: Any) -> None:
    """With checksums as they should be."""
    path = log_of(root, RUN_A)
    size = path.stat().st_size
    _, data = log.encode(check_run(RUN_A), size, Entry(kind, meta, b""))
    path.write_bytes(path.read_bytes() + data)


HOSTILE: dict[str, Callable[[Path], object]] = {
    **{f"meta {json.dumps(meta)}": partial(add_record, kind=1, meta=meta) for meta in METAS},
    "unknown kind": lambda root: add_record(root, 7, CHECKPOINT),
    "write of no shape": lambda root: add_record(
        root, 2, CHECKPOINT | {"task": "", "path": "", "writes": [["0", "value", "null", 0]]}
    ),
}


@pytest.mark.parametrize("name", HOSTILE)
def test_its_log_is_damage_that_is_named_and_can_be_rolled_back(
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
    head = log._HEAD.pack(log._MAGIC, 1, len(text), 0, payload_crc, 0)[: log._CHECKED]
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
