"""The commands of `agentrun-store`. Each returns the exit code, and adds to the list of problems
what it could not read."""

import json
import sys
from argparse import Namespace
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Any

from .. import maintenance, values
from ..history import History
from ..names import is_uid
from ..rollback import drop as drop_run
from ..text import printable
from ..thread import Store, Thread
from . import listing, render, stateless
from .check import check as check_thread
from .table import table

Problems = list[Exception]
Command = Callable[[Namespace, Problems], int]


class ArgumentError(Exception):
    """An argument is missing, or names something that does not exist."""


def threads(options: Namespace, problems: Problems) -> int:
    rows = listing.thread_rows(_store(options), problems.append)
    return _print(options, rows, ("thread", "runs", "checkpoints", "bytes", "modified"))


def runs(options: Namespace, problems: Problems) -> int:
    rows = listing.run_rows(_thread(options), problems.append)
    return _print(options, rows, ("run", "state", "checkpoints", "bytes", "modified"))


def checkpoints(options: Namespace, problems: Problems) -> int:
    rows = [
        listing.checkpoint_row(found)
        for found in listing.checkpoints(_thread(options), problems.append)
        if options.run in (None, found.segment.run)
    ]
    return _print(options, rows, ("checkpoint", "namespace", "step", "source", "run", "bytes"))


def show(options: Namespace, problems: Problems) -> int:
    thread, wanted = _thread(options), options.checkpoint
    for found in listing.checkpoints(thread, problems.append):
        meta = found.record.meta
        if wanted is None and problems:
            break  # a newer one may be in there: never an older state instead
        if meta["id"] == wanted or (wanted is None and meta["ns"] == ""):
            checkpoint = render.checkpoint(History(thread), found)
            if checkpoint is None:
                continue  # it was removed meanwhile
            problems.clear()  # the checkpoint was found: problems in other segments do not matter
            _print_json(checkpoint)
            return 0
    if problems:
        return 1
    raise ArgumentError(
        f"argument CHECKPOINT: there is no checkpoint {wanted or 'at all'} in {thread.name}; "
        f"the command `checkpoints {thread.name}` lists those there are"
    )


def check(options: Namespace, problems: Problems) -> int:  # noqa: ARG001
    found = [check_thread(thread) for thread in _threads(options)]
    if options.json:
        _print_json(found)
    else:
        for thread in found:
            for state in ("damaged", "unfinished"):
                for finding in thread[state]:
                    message = printable(finding["message"])
                    print(f"{thread['thread']}: {state}: {message}")
        damaged = sum(len(thread["damaged"]) for thread in found)
        segments = sum(thread["segments"] for thread in found)
        print(f"threads: {len(found)}, segments: {segments}, damaged places: {damaged}")
    return 1 if any(thread["damaged"] for thread in found) else 0


def drop(options: Namespace, problems: Problems) -> int:  # noqa: ARG001
    thread = _thread(options)
    known = {segment.run for segment in thread.all_segments()} | thread.tombstones().keys()
    if options.run not in known:
        raise ArgumentError(
            f"argument RUN: there is no run {options.run} in {thread.name}; "
            f"the command `runs {thread.name}` lists those there are"
        )
    _promised(options, thread)
    count = drop_run(options.store, thread.name, options.run)
    result = {"thread": thread.name, "run": options.run, "removed": count}
    return _print_result(options, result, f"{thread.name}: {count} checkpoints removed")


def prune(options: Namespace, problems: Problems) -> int:  # noqa: ARG001
    thread = _thread(options)
    _promised(options, thread)
    removed, kept = maintenance.prune(History(thread), values.loads, keep=options.keep)
    result = {"thread": thread.name, "removed": removed, "kept": kept}
    text = f"{thread.name}: {removed} checkpoints removed, {kept} kept"
    return _print_result(options, result, text)


def prune_stateless(options: Namespace, problems: Problems) -> int:
    store, rows = _store(options), []
    for thread, used in stateless.orphans(store, _existing(options.existing), problems.append):
        if not options.dry_run:
            try:
                stateless.remove(thread)
            except OSError as error:
                problems.append(error)
                continue
        rows.append(
            {
                "thread": thread.name,
                "state": "left" if options.dry_run else "removed",
                "bytes": used.bytes,
                "modified": listing.utc(used.modified),
            }
        )
    return _print(options, rows, ("thread", "state", "bytes", "modified"))


def _store(options: Namespace) -> Store:
    if not options.store.is_dir():
        raise ArgumentError(
            f"argument --store: there is no directory {options.store}; mount the claim there"
        )
    return Store(options.store)


def _thread(options: Namespace) -> Thread:
    thread = _store(options).thread(options.thread)
    if not thread.path.is_dir():
        raise ArgumentError(
            f"argument THREAD: there is no thread {thread.name} in {options.store}; "
            f"the command `threads` lists those there are"
        )
    return thread


def _threads(options: Namespace) -> Iterable[Thread]:
    return [_thread(options)] if options.thread else _store(options).threads()


def _promised(options: Namespace, thread: Thread) -> None:
    if not options.no_run_is_live:
        raise ArgumentError(
            f"argument --no-run-is-live is missing: the store cannot know whether a run of "
            f"{thread.name} is live or about to start. Make sure that none is (kubectl get "
            f"agentruns), then pass it"
        )


def _existing(file: Path) -> set[str]:
    try:
        words = (sys.stdin.read() if str(file) == "-" else file.read_text()).split()
    except (OSError, UnicodeDecodeError) as error:
        raise ArgumentError(f"argument --existing: {file} cannot be read: {error}") from None
    for word in words:
        if not is_uid(word):
            raise ArgumentError(
                f"argument --existing: {word!r} in {file} is no UID; list the metadata.uid of all "
                f"AgentRuns of the namespace"
            )
    if not words:
        raise ArgumentError(
            f"argument --existing: {file} is empty, so nothing is removed: kubectl may have "
            f"failed. List the metadata.uid of all AgentRuns of the namespace"
        )
    return set(words)


def _print(options: Namespace, rows: Iterable[listing.Row], columns: Sequence[str]) -> int:
    if options.json:
        _print_json(list(rows))
    else:
        print(table(rows, columns))
    return 0


def _print_result(options: Namespace, result: dict[str, Any], text: str) -> int:
    if options.json:
        _print_json(result)
    else:
        print(text)
    return 0


def _print_json(value: Any) -> None:
    print(json.dumps(value, indent=2))
