"""Reads JSON that users wrote and that no schema has checked: any value may be anywhere."""

import re
from typing import Any

from agentrun_kube.objects import Object

VALUE_LENGTH = 63


def as_object(value: Any) -> Object:
    """The value if it is a JSON object, else an empty one."""
    return value if isinstance(value, dict) else {}


def as_list(value: Any) -> list[Any]:
    """The value if it is a JSON array, else an empty one."""
    return value if isinstance(value, list) else []


def as_text(value: Any) -> str:
    """The value if it is a string, else an empty one."""
    return value if isinstance(value, str) else ""


def safe_name(name: Any, index: int) -> str:
    """How a message names an item of a list: by its name if that is one, else by its index."""
    is_name = isinstance(name, str) and re.fullmatch(r"[A-Za-z0-9_.-]{1,63}", name)
    return name if is_name else str(index)


def shown(value: Any) -> str:
    """A value as a message shows it: bounded, on one line."""
    if isinstance(value, dict):
        return "an object"
    if isinstance(value, list):
        return "a list"
    if isinstance(value, bool) or value is None:
        return {True: "true", False: "false", None: "null"}[value]
    text = str(value) if isinstance(value, int | float) else ascii(value)
    return text[:VALUE_LENGTH]
