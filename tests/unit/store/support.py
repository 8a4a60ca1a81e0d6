"""Short ways to write and read checkpoints in tests."""

from pathlib import Path
from typing import Any, cast

from langchain_core.runnables import RunnableConfig
from langgraph.checkpoint.base import Checkpoint, CheckpointMetadata, CheckpointTuple

from agentrun_store.checkpointer import StoreSaver

THREAD = "threads/chat"
RUN_A = "aaaaaaaa-0000-4000-8000-000000000001"
RUN_B = "bbbbbbbb-0000-4000-8000-000000000002"
RUN_C = "cccccccc-0000-4000-8000-000000000003"


def config(
    checkpoint_id: str | None = None, *, thread: str = "chat", ns: str = ""
) -> RunnableConfig:
    address = {"thread_id": thread, "checkpoint_ns": ns, "checkpoint_id": checkpoint_id}
    return {"configurable": address}


def checkpoint(checkpoint_id: str, value: Any = None) -> Checkpoint:
    return {
        "v": 1,
        "id": checkpoint_id,
        "ts": "2026-01-01T00:00:00+00:00",
        "channel_values": {"value": value},
        "channel_versions": {"value": 1},
        "versions_seen": {},
        "updated_channels": None,
    }


def put(
    saver: StoreSaver,
    checkpoint_id: str,
    value: Any = None,
    *,
    parent: str | None = None,
    thread: str = "chat",
    ns: str = "",
    **metadata: Any,
) -> RunnableConfig:
    """Put a checkpoint whose only channel holds `value`."""
    where = config(parent, thread=thread, ns=ns)
    return saver.put(
        where, checkpoint(checkpoint_id, value), cast(CheckpointMetadata, metadata), {}
    )


def ids(saver: StoreSaver, **kwargs: Any) -> list[str]:
    """The ids of the thread's checkpoints as `list` gives them: newest first."""
    return [found.checkpoint["id"] for found in saver.list(config(), **kwargs)]


def newest(saver: StoreSaver, *, ns: str = "") -> CheckpointTuple | None:
    return saver.get_tuple(config(ns=ns))


def newest_id(saver: StoreSaver, *, ns: str = "") -> str | None:
    found = newest(saver, ns=ns)
    return None if found is None else found.checkpoint["id"]


def content(root: Path) -> dict[str, Any]:
    """All that a reader gets from the thread: values and pending writes by checkpoint."""
    return {
        found.checkpoint["id"]: (found.checkpoint["channel_values"], found.pending_writes)
        for found in StoreSaver(root).list(config())
    }


def log_of(root: Path, run: str, thread: str = THREAD) -> Path:
    [path] = (root / thread / "segments").glob(f"*-{run}/checkpoints.log")
    return path
