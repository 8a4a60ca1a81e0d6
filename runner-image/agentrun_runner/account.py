"""The account: the termination message, from which the operator learns what became of the run."""

import os
from pathlib import Path
from typing import Any

from agentrun_runner import events
from agentrun_runner.result import Result, encode

EXIT_CODES = {"Succeeded": 0, "Failed": 1, "Stopped": 143}
# Failures of the run itself: another try would end the same way, and this code says so.
HOPELESS = ("InvalidRun", "GraphImportFailed", "InvalidInput", "RunRolledBack")
HOPELESS_EXIT_CODE = 2

# The kubelet keeps this much of a termination message:
# https://kubernetes.io/docs/tasks/debug/debug-application/determine-reason-pod-failure/
MAX_BYTES = 4096
TERMINATION_LOG = Path(os.environ.get("AGENTRUN_TERMINATION_LOG", "/dev/termination-log"))

_MESSAGE_BYTES = 1000
_CUT = "…"


def give(account: Result) -> int:
    """Leave the account where the kubelet picks it up, and then the whole of it in the log, which
    may block and so comes last. The exit code that goes with it."""
    try:
        TERMINATION_LOG.write_bytes(fit(account))
    except OSError as error:
        events.warn(f"cannot write the account: {error}")
    events.interject("finished", **account)
    if account.get("reason") in HOPELESS:
        return HOPELESS_EXIT_CODE
    return EXIT_CODES[account["result"]]


def fit(account: Result, limit: int = MAX_BYTES) -> bytes:
    """The account as JSON of at most `limit` bytes, with no more cut away than needed.

    Keeps the shape of output and interrupts for as long as possible: long texts lose their end,
    long lists their beginning (the newest message is the last), wide and deep objects their rest.
    """
    data = encode(account)
    if len(data) <= limit:
        return data
    small = dict(account)
    if "message" in small:
        small["message"] = _clip(small["message"], _MESSAGE_BYTES)
    for size in (64, 32, 16, 8, 4, 2, 1):
        for key in ("interrupts", "output"):
            if key in small:
                small[key] = _shorten(small[key], size)
        if "output" in small:
            small["outputTruncated"] = True
        data = encode(small)
        if len(data) <= limit:
            return data
    for key in ("interrupts", "output", "checkpoint", "message"):
        small.pop(key, None)
        data = encode(small)
        if len(data) <= limit:
            break
    return data


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
