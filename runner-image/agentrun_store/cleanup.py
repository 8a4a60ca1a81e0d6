"""The clean-up Job: rolls back the runs that the operator names, and reports on each."""

import json
import os
import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import FrameType
from typing import Any

from agentrun_store.rollback import drop

VARIABLE = "AGENTRUN_CLEANUP"
"""JSON: [{"uid": run uid, "thread": "threads/<name>" or "stateless/<run uid>"}, ...]"""

STORE = Path("/agentrun/store")
TERMINATION_LOG = Path("/dev/termination-log")
SECONDS = 480.0  # for all runs together: the Job ends after 600 s, its start included
MAX_MESSAGE = 4096  # bytes: the kubelet cuts a longer termination message off
_ERROR_LENGTHS = (500, 100, 30)  # characters of an error's text, as far as there is room


def main(root: Path = STORE, termination_log: Path = TERMINATION_LOG) -> int:
    """Roll back all runs of `AGENTRUN_CLEANUP`, going on past errors. Returns the exit code.

    The termination message is {"runs": {uid: {"checkpoints": n}}, "errors": {uid: text}}. What
    has no room in it is counted in "omitted"; about 65 runs fit.
    """
    # Runner pods may have another user than this one, and share only the group.
    os.umask(0o002)
    runs: dict[str, dict[str, int]] = {}
    errors: dict[str, str] = {}
    try:
        entries = _entries(os.environ.get(VARIABLE, ""))
    except ValueError as error:
        entries = []
        errors[VARIABLE] = str(error)
    for number, entry in enumerate(entries):
        name = f"{VARIABLE}[{number}]"
        try:
            uid, thread = _text(entry, "uid"), _text(entry, "thread")
            name = uid
            with _limit(SECONDS / len(entries)):
                runs[uid] = {"checkpoints": drop(root, thread, uid)}
        except Exception as error:
            errors[name] = f"{type(error).__name__}: {error}"
    message = _message(runs, errors)
    termination_log.write_text(message)
    print(message, file=sys.stdout, flush=True)
    return 1 if errors else 0


@contextmanager
def _limit(seconds: float) -> Iterator[None]:
    """What an agent has left in its segment may take for ever to read: then the next run is due."""

    def stop(_number: int, _frame: FrameType | None) -> None:
        raise TimeoutError(f"not done within {seconds:.0f} s")

    signal.signal(signal.SIGALRM, stop)
    signal.setitimer(signal.ITIMER_REAL, seconds)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)


def _entries(text: str) -> list[Any]:
    try:
        entries = json.loads(text)
    except ValueError as error:
        raise ValueError(f"environment variable {VARIABLE} is no JSON: {error}") from None
    if not isinstance(entries, list):
        raise ValueError(f"environment variable {VARIABLE} must hold a JSON list of runs")
    return entries


def _text(entry: Any, field: str) -> str:
    value = entry.get(field) if isinstance(entry, dict) else None
    if not isinstance(value, str):
        raise ValueError(f'field {field!r} is missing or no text; give {{"uid": , "thread": }}')
    return value


def _message(runs: dict[str, dict[str, int]], errors: dict[str, str]) -> str:
    """As much as there is room for: the errors' full texts go first, then runs, then errors."""
    for length in _ERROR_LENGTHS:
        errors = {uid: text[:length] for uid, text in errors.items()}
        text = _json({"runs": runs, "errors": errors})
        if len(text) <= MAX_MESSAGE:
            return text
    runs, errors = dict(runs), dict(errors)
    omitted = 0
    while len(text) > MAX_MESSAGE:
        (runs or errors).popitem()
        omitted += 1
        text = _json({"runs": runs, "errors": errors, "omitted": omitted})
    return text


def _json(value: Any) -> str:
    return json.dumps(value, separators=(",", ":"))
