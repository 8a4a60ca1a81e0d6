"""What the runner says last: the account of a run, in the termination message of its container."""

import json
from math import isfinite
from typing import Any, Literal

from .models import CheckpointStatus, Model

Object = dict[str, Any]


class Account(Model):
    """The runner's last words: the JSON that it leaves as termination message."""

    result: Literal["Succeeded", "Failed", "Stopped"]
    reason: str | None = None
    message: str = ""
    output: Any = None
    output_truncated: bool | None = None
    checkpoint: CheckpointStatus | None = None
    interrupts: tuple[dict[str, Any], ...] = ()
    forced: bool | None = None


def _number(text: str) -> int | float:
    """Python reads more than the API server takes: NaN, and numbers that no double can hold."""
    number = float(text)
    if not isfinite(number):
        raise ValueError(f"{text} is no number")
    return int(text) if text.removeprefix("-").isdigit() else number


def json_object(text: str) -> Object:
    """The JSON object that the text is; an empty one for any other text: anybody may write it."""
    try:
        value = json.loads(text, parse_constant=_number, parse_float=_number, parse_int=_number)
    except (ValueError, RecursionError):
        return {}
    return value if isinstance(value, dict) else {}


def read_account(message: str) -> Account | None:
    """The account in a termination message; None if there is none that can be used.

    Anybody may write it: a foreign image, an agent that kills its supervisor.
    """
    try:
        account = Account.model_validate(json_object(message))
        account.model_dump(mode="json")  # what nests too deeply cannot be written into a status
    except ValueError:
        return None
    return account
