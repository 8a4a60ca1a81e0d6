"""Values as JSON, and results in no more bytes of it than there is room for."""

import json
from collections.abc import Iterator
from typing import Any

_MESSAGE_BYTES = 1000
_SIZES = (64, 32, 16, 8, 4, 2, 1)
_CUT = "…"


def encode(value: object) -> bytes:
    """JSON as UTF-8. Half a surrogate pair, which UTF-8 cannot say, becomes a question mark."""
    text = json.dumps(value, ensure_ascii=False, separators=(",", ":"))
    return text.encode("utf-8", "replace")


def fit(result: dict[str, Any], limit: int) -> bytes:
    """The result as JSON of at most `limit` bytes, cut in steps, and no further than needed.

    Keeps the shape of output and interrupts for as long as possible: long texts lose their end,
    long lists their beginning (the newest message is the last), wide and deep objects their rest.
    """
    return next(data for data in map(encode, _shorter(result)) if len(data) <= limit)


def _shorter(result: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """The result, and shorter and shorter ones: what is needed least goes first."""
    yield result
    small = dict(result)
    if "message" in small:
        small["message"] = _clip(small["message"], _MESSAGE_BYTES)
        yield small
    for size in _SIZES:
        for key in ("interrupts", "output"):
            if key in small:
                small[key] = _shorten(small[key], size)
        if "output" in small:
            small["outputTruncated"] = True
        yield small
    for key in ("interrupts", "output", "checkpoint"):
        small.pop(key, None)
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
