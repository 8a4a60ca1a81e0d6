"""Stored checkpoints, decoded for LangGraph.

An agent wrote the bytes, perhaps another one than the reader's: whatever a serializer does with
them, the reader gets a checkpoint or CorruptSegmentError.
"""

import copy
from typing import Any, cast

from langchain_core.runnables import RunnableConfig
from langgraph.checkpoint.base import (
    Checkpoint,
    CheckpointTuple,
    PendingWrite,
    get_checkpoint_id,
    writes_sort_key,
)
from langgraph.checkpoint.serde.base import SerializerProtocol

from .errors import CorruptSegmentError, StoreError
from .history import Stored
from .text import brief

_FIELDS = ("channel_values", "channel_versions", "versions_seen")


def checkpoint_tuple(serde: SerializerProtocol, stored: Stored) -> CheckpointTuple:
    """Raises CorruptSegmentError."""
    meta = stored.meta
    writes = sorted(stored.writes, key=lambda w: writes_sort_key(w.path, w.task, w.position))
    pending: list[PendingWrite] = [
        (w.task, w.channel, _decoded(serde, stored, (w.type, w.value))) for w in writes
    ]
    checkpoint = _decoded(serde, stored, (meta["type"], stored.payload))
    if not isinstance(checkpoint, dict) or not all(
        isinstance(checkpoint.get(field), dict) for field in _FIELDS
    ):
        raise _undecodable(stored, "the state here is no checkpoint")
    parent = meta["parent"]
    return CheckpointTuple(
        config=config_of(meta["thread"], meta["ns"], meta["id"]),
        checkpoint=cast(Checkpoint, checkpoint),
        metadata=copy.deepcopy(meta["metadata"]),
        parent_config=config_of(meta["thread"], meta["ns"], parent) if parent else None,
        pending_writes=pending,
    )


def config_of(thread_id: str, ns: str, checkpoint_id: str | None) -> RunnableConfig:
    address = {"thread_id": thread_id, "checkpoint_ns": ns, "checkpoint_id": checkpoint_id}
    return {"configurable": address}


def address_of(config: RunnableConfig) -> tuple[str, str, str | None]:
    """(thread id, namespace, checkpoint id)"""
    configurable = config["configurable"]
    ns = str(configurable.get("checkpoint_ns") or "")
    return str(configurable["thread_id"]), ns, get_checkpoint_id(config) or None


def _decoded(serde: SerializerProtocol, stored: Stored, typed: tuple[str, bytes]) -> Any:
    try:
        return serde.loads_typed(typed)
    except StoreError:  # a serializer that refuses a value says why
        raise
    except Exception as error:
        what = f"a value here cannot be decoded: {brief(error, 500)}"
        raise _undecodable(stored, what) from error


def _undecodable(stored: Stored, what: str) -> CorruptSegmentError:
    return CorruptSegmentError(stored.found.segment.log, stored.found.record.offset, what)
