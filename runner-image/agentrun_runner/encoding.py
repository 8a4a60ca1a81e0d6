"""Values as JSON, and results as JSON of limited size."""

import json
from collections.abc import Iterator
from typing import Any

_MESSAGE_BYTES = 1000
_SIZES = (64, 32, 16, 8, 4, 2, 1)
_CUT = "…"


def encode(value: object) -> bytes:
    """JSON as UTF-8. Half a surrogate pair, which UTF-8 cannot encode, becomes a question mark."""
    text = json.dumps(value, ensure_ascii=False, separators=(",", ":"))
    return text.encode("utf-8", "replace")


def plain(text: str, limit: int) -> str:
    """The text as one line of printable characters, of at most `limit` bytes of UTF-8."""
    line = "".join(char if char.isprintable() else " " for char in text[: limit + 1])
    data = line.encode()
    if len(data) <= limit:
        return line
    return data[: limit - len(_CUT.encode())].decode(errors="ignore") + _CUT


def shortened(value: Any, limit: int) -> Any:
    """The value, cut in steps until it takes at most `limit` bytes of JSON."""
    for size in _SIZES:
        if len(encode(value)) <= limit:
            return value
        value = _shorten(value, size)
    return value if len(encode(value)) <= limit else _CUT


def fit(result: dict[str, Any], limit: int) -> bytes:
    """The result as JSON of at most `limit` bytes, cut in steps, and no further than needed.

    It cuts the output first, then the values of interrupts, then whole interrupts. It keeps the
    shape of a value for as long as possible: long texts lose their end, long lists their beginning
    (the newest message is the last), wide and deep objects their rest.
    """
    return next(data for data in map(encode, _shorter(result)) if len(data) <= limit)


def _shorter(result: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """The result, then shorter and shorter versions of it."""
    yield result
    small = dict(result)
    if "message" in small:
        small["message"] = _clip(small["message"], _MESSAGE_BYTES)
        yield small
    if small.get("output") is not None:
        small["outputTruncated"] = True
        for size in _SIZES:
            small["output"] = _shorten(small["output"], size)
            yield small
        small["output"] = None
        yield small
    if "interrupts" in small:
        # A user can answer a question that has lost its text, but not one that has lost its id.
        for size in _SIZES:
            small["interrupts"] = [
                asked | {"value": _shorten(asked["value"], size)} if "value" in asked else asked
                for asked in small["interrupts"]
            ]
            yield small
        small["interruptsTruncated"] = True
        while asked := small["interrupts"]:
            small["interrupts"] = asked[: len(asked) * 7 // 8]
            yield small
    small.pop("checkpoint", None)
    yield small


def _clip(text: str, limit: int) -> str:
    """The beginning of the text that takes at most `limit` bytes of JSON."""
    if len(encode(text)) <= limit:
        return text
    while len(encode(text + _CUT)) > limit:
        text = text[: len(text) * 7 // 8]
    return text + _CUT


def _shorten(value: Any, size: int, depth: int = 6) -> Any:
    if isinstance(value, str):
        return _clip(value, size * 16)
    if isinstance(value, list | dict) and depth == 0:
        return _CUT
    if isinstance(value, list):
        return [_shorten(item, size, depth - 1) for item in value[-size:]]
    if isinstance(value, dict):
        return {
            _clip(key, size * 16): _shorten(value[key], size, depth - 1)
            for key in list(value)[:size]
        }
    return value
