"""Any Python value as plain JSON, for people who read the event stream and the output."""

import dataclasses
import math
from collections.abc import Callable, Mapping, Set
from enum import Enum
from typing import Any

from pydantic import BaseModel

Fields = Callable[[Any], Mapping[Any, Any] | None]

_MAX_DEPTH = 64
_MAX_INT = 2**53  # every reader of JSON keeps these exact: RFC 8259, section 6


def jsonable(value: Any, fields: Fields | None = None, depth: int = _MAX_DEPTH) -> Any:
    """The value, made of dicts with text keys, lists, text, finite numbers, booleans and None.

    Models and dataclasses become dicts of their fields, and all other types their `str`. Never
    fails.

    `fields`: a framework's function, which knows more types than `default_fields`.
    """
    try:
        return _convert(value, fields or default_fields, depth)
    except Exception as error:
        return f"<{type(value).__name__}, which raised {type(error).__name__} when made JSON>"


def _convert(value: Any, fields: Fields, depth: int) -> Any:
    if value is None or isinstance(value, bool):
        return value
    if isinstance(value, Enum):
        return jsonable(value.value, fields, depth - 1)
    if isinstance(value, int) and abs(value) <= _MAX_INT:
        return int(value)
    if isinstance(value, float) and math.isfinite(value):
        return float(value)
    if depth > 0 and not isinstance(value, str):
        if isinstance(value, list | tuple | Set):
            return [jsonable(item, fields, depth - 1) for item in value]
        if (found := fields(value)) is not None:
            return {str(key): jsonable(item, fields, depth - 1) for key, item in found.items()}
    return str(value)


def default_fields(value: Any) -> Mapping[Any, Any] | None:
    """The fields of a mapping, a model or a dataclass; None for any other value."""
    if isinstance(value, Mapping):
        return value
    if isinstance(value, BaseModel):
        return dict(value)
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return {field.name: getattr(value, field.name) for field in dataclasses.fields(value)}
    return None
