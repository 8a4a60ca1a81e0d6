"""Any Python value as plain JSON, for the event stream and the output: made to be read."""

import dataclasses
import math
from collections.abc import Mapping, Set
from enum import Enum
from typing import Any

from langchain_core.messages import BaseMessage
from pydantic import BaseModel

_MAX_DEPTH = 64
_MAX_INT = 2**53  # what every reader of JSON takes without loss: RFC 8259, section 6


def jsonable(value: Any, depth: int = _MAX_DEPTH) -> Any:
    """The value, made of dicts with text keys, lists, text, finite numbers, booleans and None.

    Models and dataclasses become their fields, messages the fields that say something, and what
    JSON has no word for its `str`. Never fails.
    """
    try:
        return _convert(value, depth)
    except Exception as error:
        return f"<{type(value).__name__}, which raised {type(error).__name__} when made JSON>"


def _convert(value: Any, depth: int) -> Any:
    if value is None or isinstance(value, bool):
        return value
    if isinstance(value, Enum):
        return jsonable(value.value, depth - 1)
    if isinstance(value, int) and abs(value) <= _MAX_INT:
        return int(value)
    if isinstance(value, float) and math.isfinite(value):
        return float(value)
    if depth > 0 and not isinstance(value, str):
        if isinstance(value, list | tuple | Set):
            return [jsonable(item, depth - 1) for item in value]
        if (fields := _fields(value)) is not None:
            return {str(key): jsonable(item, depth - 1) for key, item in fields.items()}
    return str(value)


def _fields(value: Any) -> Mapping[Any, Any] | None:
    if isinstance(value, Mapping):
        return value
    if isinstance(value, BaseMessage):
        return {key: item for key, item in value if item or key == "content"}
    if isinstance(value, BaseModel):
        return dict(value)
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return {field.name: getattr(value, field.name) for field in dataclasses.fields(value)}
    return None
