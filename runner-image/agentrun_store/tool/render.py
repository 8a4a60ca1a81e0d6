"""A checkpoint as JSON, for people.

An object is shown as {"<its type>": the arguments that it was made from}, or as "<its type>" if
JSON has no form for them.
"""

import json
import math
from typing import Any

from ..history import Found, History
from ..values import Object, loads

_DEPTH = 100  # people read no deeper, and Python's stack is limited


def as_json(value: Any, depth: int = 0) -> Any:
    """The value as JSON."""
    if depth > _DEPTH:
        return f"<nested deeper than {_DEPTH}>"
    match value:
        case None | bool() | int() | str():
            return value
        case float():
            return value if math.isfinite(value) else f"<float {value}>"
        case dict():
            return {_key(key): as_json(item, depth + 1) for key, item in value.items()}
        case list() | tuple():
            return [as_json(item, depth + 1) for item in value]
        case Object(type=type_, content=None):
            return f"<{type_}>"
        case Object(type=type_, content=content):
            return {f"<{type_}>": as_json(content, depth + 1)}
        case bytes():
            return f"<bytes, {len(value)} bytes>"
    return f"<{type(value).__name__}>"


def checkpoint(history: History, found: Found) -> dict[str, Any] | None:
    """One checkpoint with its metadata and pending writes; None when it no longer exists.

    Raises CorruptSegmentError, LogChangedError, OSError.
    """
    stored = history.read(found)
    if stored is None:
        return None
    meta = stored.meta
    state = loads((meta["type"], stored.payload))
    writes = sorted(stored.writes, key=lambda write: (write.task, write.position))
    return {
        "thread": history.thread.name,
        "checkpoint": meta["id"],
        "parent": meta["parent"],
        "threadId": meta["thread"],
        "namespace": meta["ns"],
        "run": found.segment.run,
        "metadata": as_json(meta["metadata"]),
        "values": as_json(state["channel_values"] if isinstance(state, dict) else state),
        "pendingWrites": [
            {
                "task": write.task,
                "channel": write.channel,
                "value": as_json(loads((write.type, write.value))),
            }
            for write in writes
        ],
    }


def _key(key: Any) -> str:
    return key if isinstance(key, str) else json.dumps(as_json(key))
