"""`agentrun-store threads`, `runs`, `checkpoints`, `show`: their output for people and programs."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any
from uuid import UUID

import ormsgpack
import pytest
from langchain_core.messages import HumanMessage

import agentrun_store
from agentrun_store import workspace
from agentrun_store.checkpointer import StoreSaver
from agentrun_store.rollback import drop_run
from unit.store.conftest import Tool
from unit.store.support import RUN_A, RUN_B, RUN_C, THREAD, config, log_of, put

STATELESS = f"stateless/{RUN_C}"


def some_runs(root: Path) -> None:
    """Two runs of a thread, a third that was rolled back, and one without a thread."""
    first = StoreSaver(root, run=RUN_A)
    put(first, "1", "one", step=-1, source="input")
    put(first, "2", "two", parent="1", step=0, source="loop")
    second = StoreSaver(root, run=RUN_B)
    second.put_writes(config("2"), [("value", "written")], "task")
    put(second, "3", "three", parent="2", step=1, source="loop")
    put(second, "4", "four", ns="sub:1", step=0, source="loop")
    put(StoreSaver(root, run=RUN_C), "5")
    drop_run(root, THREAD, RUN_C)
    (workspace.prepare(root, THREAD, RUN_B) / "notes").write_bytes(bytes(5000))
    put(StoreSaver(root, run=RUN_C), "9", thread=STATELESS)
    for path in root.rglob("*"):
        os.utime(path, (0, 0), follow_symlinks=False)
    os.utime(root / THREAD / "segments" / f"000002-{RUN_B}" / "workspace" / "notes", (0, 60))


def length(root: Path, run: str, thread: str = THREAD) -> int:
    return log_of(root, run, thread).stat().st_size


def test_threads_are_listed_with_their_sizes(tmp_path: Path, tool: Tool) -> None:
    some_runs(tmp_path)
    tombstone = (tmp_path / THREAD / "tombstones" / RUN_C).stat().st_size
    typed = tool("threads", "--json")
    assert (typed.code, typed.err) == (0, "")
    assert typed.json == [
        {
            "thread": STATELESS,
            "runs": 1,
            "checkpoints": 1,
            "bytes": length(tmp_path, RUN_C, STATELESS),
            "modified": "1970-01-01T00:00:00Z",
        },
        {
            "thread": THREAD,
            "runs": 2,
            "checkpoints": 4,
            "bytes": length(tmp_path, RUN_A) + length(tmp_path, RUN_B) + 5000 + tombstone,
            "modified": "1970-01-01T00:01:00Z",
        },
    ]


def test_runs_are_listed_with_their_sizes(tmp_path: Path, tool: Tool) -> None:
    some_runs(tmp_path)
    typed = tool("runs", "chat", "--json")
    assert (typed.code, typed.err) == (0, "")
    assert typed.json == [
        {
            "run": RUN_A,
            "segment": 1,
            "state": "kept",
            "checkpoints": 2,
            "bytes": length(tmp_path, RUN_A),
            "modified": "1970-01-01T00:00:00Z",
        },
        {
            "run": RUN_B,
            "segment": 2,
            "state": "kept",
            "checkpoints": 2,
            "bytes": length(tmp_path, RUN_B) + 5000,
            "modified": "1970-01-01T00:01:00Z",
        },
        {
            "run": RUN_C,
            "segment": 3,
            "state": "rolled back",
            "checkpoints": 0,
            "bytes": 0,
            "modified": None,
        },
    ]


def test_checkpoints_are_listed_newest_first(tmp_path: Path, tool: Tool) -> None:
    some_runs(tmp_path)
    typed = tool("checkpoints", "chat", "--json")
    assert (typed.code, typed.err) == (0, "")
    assert [row["checkpoint"] for row in typed.json] == ["4", "3", "2", "1"]
    assert typed.json[2] == {
        "checkpoint": "2",
        "parent": "1",
        "threadId": "chat",
        "namespace": "",
        "run": RUN_A,
        "step": 0,
        "source": "loop",
        "bytes": typed.json[2]["bytes"],
    }
    sizes = sum(row["bytes"] for row in tool("checkpoints", "chat", "--run", RUN_A, "--json").json)
    assert sizes == length(tmp_path, RUN_A) - len(b"AgentRun log 01\n")


def test_a_table_has_sizes_with_units_and_a_row_for_each_run(tmp_path: Path, tool: Tool) -> None:
    some_runs(tmp_path)
    lines = tool("runs", "threads/chat").out.splitlines()
    size = f"{(length(tmp_path, RUN_B) + 5000) / 1024:.2f}"
    assert lines[0].split() == ["RUN", "STATE", "CHECKPOINTS", "BYTES", "MODIFIED"]
    assert lines[2].split() == [RUN_B, "kept", "2", size, "KiB", "1970-01-01T00:01:00Z"]
    assert lines[3].split() == [RUN_C, "rolled", "back", "0", "0", "B", "-"]
    assert len(lines) == 4


def test_an_empty_store_has_no_threads(tool: Tool) -> None:
    assert tool("threads", "--json") == (0, "[]\n", "")
    assert tool("threads").out.split() == ["THREAD", "RUNS", "CHECKPOINTS", "BYTES", "MODIFIED"]


def test_a_checkpoint_is_shown_with_all_that_belongs_to_it(tmp_path: Path, tool: Tool) -> None:
    some_runs(tmp_path)
    typed = tool("show", "chat", "2")
    assert (typed.code, typed.err) == (0, "")
    assert typed.json == {
        "thread": THREAD,
        "checkpoint": "2",
        "parent": "1",
        "threadId": "chat",
        "namespace": "",
        "run": RUN_A,
        "metadata": {"step": 0, "source": "loop"},
        "values": {"value": "two"},
        "pendingWrites": [{"task": "task", "channel": "value", "value": "written"}],
    }


def test_the_newest_checkpoint_is_that_of_the_graph_and_of_no_subgraph(
    tmp_path: Path, tool: Tool
) -> None:
    some_runs(tmp_path)
    assert tool("show", "chat").json["checkpoint"] == "3"


def test_a_value_that_json_cannot_express_is_shown_with_its_type(
    tmp_path: Path, tool: Tool
) -> None:
    value = {
        "message": HumanMessage("hi"),
        "set": {1},
        "bytes": b"abc",
        "float": float("inf"),
        3: (1, None),
        "uuid": UUID(int=1),
    }
    put(StoreSaver(tmp_path, run=RUN_A), "1", value)
    shown = tool("show", "chat").json["values"]["value"]
    (message,) = shown.pop("message").items()
    assert message[0] == "<langchain_core.messages.human.HumanMessage>"
    assert message[1]["content"] == "hi"
    assert shown == {
        "set": {"<builtins.set>": [1]},
        "bytes": "<bytes, 3 bytes>",
        "float": "<float inf>",
        "3": [1, None],
        "uuid": {"<uuid.UUID>": f"{1:032x}"},
    }


class Raw:
    """A serializer for tests that store arbitrary bytes."""

    def __init__(self, type_: str, data: bytes) -> None:
        self._typed = type_, data

    def dumps_typed(self, obj: Any) -> tuple[str, bytes]:  # noqa: ARG002
        return self._typed

    def loads_typed(self, data: tuple[str, bytes]) -> Any:
        return data


@pytest.mark.parametrize(
    ("type_", "data", "shown"),
    [
        ("msgpack+aes", b"secret", "<msgpack+aes, 6 bytes>"),
        ("pickle", b"...", "<pickle, 3 bytes>"),
        ("msgpack", b"\xc1", "<msgpack, cannot be decoded, 1 bytes>"),
        ("msgpack", b"\x91" * 5000 + b"\xc0", "<msgpack, cannot be decoded, 5001 bytes>"),
        ("json", b"{", "<json, cannot be decoded, 1 bytes>"),
        ("null", b"", None),
    ],
)
def test_a_value_that_cannot_be_decoded_is_shown_as_its_type_and_size(
    type_: str, data: bytes, shown: str | None, tmp_path: Path, tool: Tool
) -> None:
    put(StoreSaver(tmp_path, run=RUN_A, serde=Raw(type_, data)), "1")
    typed = tool("show", "chat")
    assert typed.code == 0
    assert typed.json["values"] == shown


def test_a_deeply_nested_value_is_shown_to_a_depth_of_100(tmp_path: Path, tool: Tool) -> None:
    deep = b"\x91" * 900 + b"\xc0"
    put(StoreSaver(tmp_path, run=RUN_A, serde=Raw("msgpack", deep)), "1")
    typed = tool("show", "chat")
    assert typed.code == 0
    assert "nested deeper than 100" in typed.out


def test_nothing_that_an_agent_stored_is_run(tmp_path: Path, tool: Tool) -> None:
    """The tool sees all threads; the agent that wrote this saw only its own."""
    trap = tmp_path / "trap"
    call = ormsgpack.packb(("os", "mkdir", str(trap)))
    state = ormsgpack.packb({"channel_values": {"value": ormsgpack.Ext(0, call)}})
    put(StoreSaver(tmp_path, run=RUN_A, serde=Raw("msgpack", state)), "1")
    assert tool("show", "chat").json["values"] == {"value": {"<os.mkdir>": str(trap)}}
    assert not trap.exists()


def test_a_table_has_no_terminal_control_characters(tmp_path: Path, tool: Tool) -> None:
    put(StoreSaver(tmp_path, run=RUN_A), "1", source="\x1b[2Jgone\n")
    out = tool("checkpoints", "chat").out
    assert "?[2Jgone?" in out
    assert "\x1b" not in out


def test_the_tool_starts_as_a_directory_and_imports_nothing_from_the_working_directory(
    tmp_path: Path,
) -> None:
    some_runs(tmp_path)
    (tmp_path / "json.py").write_text("raise SystemExit('this is not the json module')")
    package = Path(agentrun_store.__file__).parent
    command = [sys.executable, "-I", str(package), "--store", ".", "threads", "--json"]
    ended = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=True)
    assert [row["thread"] for row in json.loads(ended.stdout)] == [STATELESS, THREAD]
