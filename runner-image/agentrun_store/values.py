"""Decodes stored values without running anything that an agent stored.

LangGraph's serializer would make objects of any class and with any arguments that the bytes
name. This decoder returns the names and the arguments instead.
"""

import json
from dataclasses import dataclass
from typing import Any

import ormsgpack

# From langgraph.checkpoint.serde.jsonplus; not imported: the clean-up decodes without LangGraph.
EXT_NUMPY_ARRAY = 6
EXT_DELTA_SNAPSHOT = 7


@dataclass(frozen=True, eq=False)
class Object:
    """An object that this decoder did not make. `eq=False`: it may be the key of a dictionary."""

    type: str
    content: Any = None


def loads(typed: tuple[str, bytes]) -> Any:
    """Decode what LangGraph's serializer wrote, with an `Object` for each object. Never raises."""
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
