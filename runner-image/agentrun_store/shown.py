"""Stored values as JSON, for people.

Nothing of what an agent stored is run or imported here: LangGraph's serializer would rebuild
objects, of whatever class and with whatever arguments the bytes ask for. Here an object is shown as
{"<its type>": what it was made from}, and what cannot be shown as "<its type>".
"""

import json
import math
from dataclasses import dataclass
from typing import Any

import ormsgpack

from agentrun_store.history import Found, History

# langgraph.checkpoint.serde.jsonplus; not from there: the clean-up decodes without LangGraph.
EXT_NUMPY_ARRAY = 6
EXT_DELTA_SNAPSHOT = 7

_DEPTH = 100  # beyond it, people read nothing, and Python's stack has an end


@dataclass(frozen=True, eq=False)
class Object:
    """An object that was not rebuilt. `eq=False`: it may be the key of a dictionary."""

    type: str
    content: Any = None


def loads(typed: tuple[str, bytes]) -> Any:
    """What LangGraph's serializer wrote, with an `Object` for each object. Never raises."""
    type_, data = typed
    try:
        if type_ == "null":
            return None
        if type_ == "json":
            return json.loads(data)
        if type_ == "msgpack":
            return _unpack(data)
    except Exception:  # any bytes may be in there
        type_ += ", cannot be decoded"
    return Object(f"{type_}, {len(data)} bytes")


def as_json(value: Any, depth: int = 0) -> Any:
    """The value in terms of JSON."""
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
    """One checkpoint with all that belongs to it; None when it is there no more.

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


def _unpack(data: bytes) -> Any:
    return ormsgpack.unpackb(data, ext_hook=_object, option=ormsgpack.OPT_NON_STR_KEYS)


def _object(code: int, data: bytes) -> Any:
    content = _unpack(data)
    if code == EXT_DELTA_SNAPSHOT:
        return content
    if code == EXT_NUMPY_ARRAY:
        dtype, shape, *_ = content
        return Object(f"numpy.ndarray {dtype} {'x'.join(map(str, shape))}")
    module, name, arguments, *_ = content
    return Object(f"{module}.{name}", arguments)


def _key(key: Any) -> str:
    return key if isinstance(key, str) else json.dumps(as_json(key))
