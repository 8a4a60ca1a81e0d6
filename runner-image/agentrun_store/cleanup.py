"""The clean-up Job: rolls back the runs that the operator names, and reports on each.

A run's agent may leave data that takes any time and any memory to read. So the Job rolls each run
back in a process of its own, first with little time, then with more, and at last without reading
anything. It reports each finished run before it begins the next.
"""

import json
import os
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any, NamedTuple

from . import rollback
from .child import Child, Send
from .cleanup_report import Report
from .names import RunName
from .text import brief
from .thread import Thread

VARIABLE = "AGENTRUN_CLEANUP"
"""JSON: [{"uid": run uid, "thread": "threads/<name>" or "stateless/<run uid>"}, ...]"""

STORE = Path("/agentrun/store")
TERMINATION_LOG = Path("/dev/termination-log")
SECONDS = 480.0  # for all runs together: the Job ends after 600 s, its start included
MAX_MESSAGE = 4096  # bytes: the kubelet cuts a longer termination message off
MEMORY = 64 << 20  # bytes, beyond those of the interpreter
_ERROR_SIZE = 500  # bytes
_TRIES = 3
_REDUCING = 30.0  # seconds, for one run
_NAMES = 5.0  # seconds: enough for the steps that only go by names, also on a slow volume


class Work(NamedTuple):
    """A run to roll back."""

    thread: Thread
    run: RunName


class Limits(NamedTuple):
    """The limits of one attempt to roll a run back, in seconds."""

    reading: float
    removing: float
    unread: bool
    """Read nothing that the agent has left; the number of its checkpoints is then unknown."""


def main(root: Path = STORE, termination_log: Path = TERMINATION_LOG) -> int:
    """Roll back all runs of `AGENTRUN_CLEANUP`, also after errors. Returns the exit code.

    It writes the termination message after each run: see `cleanup_report`. The whole report is the
    last line of the output.
    """
    # Runner pods may run as another user of the same group.
    os.umask(0o002)
    report = Report(termination_log, MAX_MESSAGE)
    works = list(_works(root, report))
    kept: list[Work] = []
    until = time.monotonic() + SECONDS
    for number in range(_TRIES):
        errors: dict[Work, str] = {}
        for place, work in enumerate(works):
            share = (until - time.monotonic()) / (len(works) - place)
            error = _roll_back(work, _limits(number, share), report, kept)
            if error is not None:
                errors[work] = error
        works = list(errors)
    for work, error in errors.items():
        report.failed(work.run, error)
    report.write()
    _reduce(kept, until)
    print(report.whole(), file=sys.stdout, flush=True)
    return 1 if report.errors else 0


def _limits(number: int, share: float) -> Limits:
    """The limits of the first, second and last attempt. `share`: the seconds left for each run."""
    if number == 0:
        return Limits(min(2.0, share), min(5.0, share), unread=False)
    if number == 1:
        return Limits(min(30.0, share / 2), share / 2, unread=False)
    return Limits(max(_NAMES, share), max(_NAMES, share), unread=True)


def _roll_back(work: Work, limits: Limits, report: Report, kept: list[Work]) -> str | None:
    """One attempt. Returns the error; None when the run's data is gone and the report says so.

    Adds the run to `kept` if some of its data is kept for later runs.
    """
    step = "hiding"
    try:
        with Child(lambda send: _in_child(work, limits.unread, send), MEMORY) as child:
            until = time.monotonic() + limits.reading
            while message := child.receive(until):
                if "error" in message:
                    return str(message["error"])
                if "buried" in message:
                    checkpoints, step = message["buried"], "removing"
                    until = time.monotonic() + limits.removing
                else:
                    report.done(work.run, checkpoints)
                    if message["kept"]:
                        kept.append(work)
                    return None
    except TimeoutError:
        return f"{step} the run's data takes longer than the Job's time; the next Job continues"
    except OSError as error:
        return brief(error, _ERROR_SIZE)
    return f"{step} the run's data takes more than {MEMORY >> 20} MiB of memory"


def _in_child(work: Work, unread: bool, send: Send) -> None:
    thread, run = work
    try:
        send({"buried": rollback.bury(thread, run, unread=unread)})
        kept = rollback.remove(thread, run)
        if thread.is_stateless:
            rollback.remove_thread(thread)
    except MemoryError:
        raise
    except Exception as error:
        send({"error": brief(error, _ERROR_SIZE)})
        return
    send({"kept": kept and not thread.is_stateless})


def _reduce(works: list[Work], until: float) -> None:
    """Free the space of kept data that no later run needs. All runs are rolled back by now, so
    this may read their threads' history until the time is up."""
    for place, (thread, run) in enumerate(works):
        share = (until - time.monotonic()) / (len(works) - place)
        with suppress(OSError), Child(_reducing(thread, run), MEMORY) as child:
            child.receive(time.monotonic() + min(_REDUCING, share))


def _reducing(thread: Thread, run: RunName) -> Callable[[Send], None]:
    return lambda _: rollback.reduce_kept(thread, run)


def _works(root: Path, report: Report) -> Iterator[Work]:
    try:
        entries = _entries(os.environ.get(VARIABLE, ""))
    except ValueError as error:
        report.failed(VARIABLE, str(error))
        return
    for number, entry in enumerate(entries):
        name = f"{VARIABLE}[{number}]"
        try:
            uid, thread = _text(entry, "uid"), _text(entry, "thread")
            name = uid
            yield Work(*rollback.named(root, thread, uid))
        except ValueError as error:
            report.failed(name, brief(error, _ERROR_SIZE))


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
