"""Readers while a prune or a rollback removes what they read: no damage, and no wrong value."""

import errno
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from agentrun_store.checkpointer import StoreSaver
from agentrun_store.errors import CorruptSegmentError, LogChangedError
from agentrun_store.log import HEADER
from agentrun_store.names import RunName
from agentrun_store.rollback import drop_run
from agentrun_store.segment import Segment
from agentrun_store.thread import Thread
from unit.store.conftest import Tool
from unit.store.graphs import delta_run, delta_runs, pod, state
from unit.store.support import (
    RUN_A,
    RUN_B,
    RUN_C,
    THREAD,
    config,
    content,
    log_of,
    newest_id,
    put,
)

Change = Callable[[Path], object]


def prune(root: Path) -> None:
    StoreSaver(root).prune(["chat"])


def roll_back(root: Path) -> None:
    drop_run(root, THREAD, RUN_B)


def two_runs(root: Path) -> None:
    for run, ids in ((RUN_A, "123"), (RUN_B, "456")):
        saver = StoreSaver(root, run=run)
        for checkpoint_id in ids:
            # Each of another length, so that a prune moves the rest to other offsets.
            put(saver, checkpoint_id, "x" * int(checkpoint_id))
            saver.put_writes(config(checkpoint_id), [("value", checkpoint_id)], "task")


def once(monkeypatch: pytest.MonkeyPatch, owner: Any, name: str, change: Callable[[], Any]) -> None:
    """The change comes as soon as the reader has called this for the first time."""
    real = getattr(owner, name)

    def call(*args: Any) -> Any:
        monkeypatch.setattr(owner, name, real)
        if name != "payload":
            found = real(*args)
            change()
            return found
        change()
        return real(*args)

    monkeypatch.setattr(owner, name, call)


@pytest.mark.parametrize("moment", [(Thread, "segments"), (Segment, "scan"), (Segment, "payload")])
@pytest.mark.parametrize("change", [prune, roll_back])
@pytest.mark.parametrize(
    "command",
    [("threads",), ("runs", "chat"), ("checkpoints", "chat"), ("show", "chat"), ("check",)],
    ids=lambda command: command[0],
)
def test_a_command_that_reads_takes_no_change_for_damage(
    command: tuple[str, ...],
    change: Change,
    moment: tuple[Any, str],
    tmp_path: Path,
    tool: Tool,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    two_runs(tmp_path)
    once(monkeypatch, *moment, lambda: change(tmp_path))
    typed = tool(*command)
    assert (typed.code, typed.err) == (0, "")


@pytest.mark.parametrize("moment", ["scan", "payload"])
def test_a_check_takes_no_removed_log_for_damage(
    moment: str, tmp_path: Path, tool: Tool, monkeypatch: pytest.MonkeyPatch
) -> None:
    two_runs(tmp_path)
    once(monkeypatch, Segment, moment, lambda: drop_run(tmp_path, THREAD, RUN_A))
    found = tool("check", "--json")
    assert (found.code, found.json[0]["damaged"]) == (0, [])


@pytest.mark.parametrize(
    ("change", "left"), [(prune, ["5", "6"]), (roll_back, ["1", "2", "3", "5", "6"])]
)
def test_a_listing_continues_with_the_checkpoints_that_are_left(
    change: Change, left: list[str], tmp_path: Path
) -> None:
    two_runs(tmp_path)
    before = content(tmp_path)
    listing = StoreSaver(tmp_path).list(config())
    found = [next(listing), next(listing)]
    change(tmp_path)
    found += listing
    assert sorted(one.checkpoint["id"] for one in found) == left
    for one in found:
        values, writes = before[one.checkpoint["id"]]
        assert (one.checkpoint["channel_values"], one.pending_writes) == (values, writes)


@pytest.mark.parametrize("run", [RUN_A, None])
@pytest.mark.parametrize(("change", "newest"), [(prune, "6"), (roll_back, "3")])
def test_the_newest_checkpoint_is_the_newest_after_the_change(
    change: Change,
    newest: str,
    run: str | None,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    two_runs(tmp_path)
    once(monkeypatch, Segment, "payload", lambda: change(tmp_path))
    assert newest_id(StoreSaver(tmp_path, run=run)) == newest


def test_a_hidden_run_stays_hidden_after_a_change(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    two_runs(tmp_path)
    fork = StoreSaver(tmp_path, run=RUN_C, without={RunName(RUN_B)})
    once(monkeypatch, Segment, "payload", lambda: prune(tmp_path))
    assert newest_id(fork) is None


@pytest.mark.parametrize("rounds", range(2, 7))
def test_an_ancestor_that_a_rollback_moves_during_a_read_is_found(
    rounds: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Failure mode 29."""
    graph = delta_runs(tmp_path, rounds)
    before = state(graph, StoreSaver(tmp_path))
    older = delta_run(rounds - 2)
    once(monkeypatch, Segment, "payload", lambda: drop_run(tmp_path, THREAD, older))
    assert state(graph, pod(tmp_path, RUN_B)) == before


@pytest.mark.parametrize("read", [1, 2, 5, 20])
def test_a_read_with_a_stale_file_handle_is_retried(
    read: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """On NFS, an open file does not outlive its removal by another client."""
    two_runs(tmp_path)
    before = content(tmp_path)
    pread, reads = os.pread, iter(range(1, 10_000))

    def stale(fd: int, length: int, offset: int) -> bytes:
        if next(reads) == read:
            raise OSError(errno.ESTALE, "Stale file handle")
        return pread(fd, length, offset)

    monkeypatch.setattr(os, "pread", stale)
    assert content(tmp_path) == before
    assert next(reads) > read


def test_a_file_handle_that_stays_stale_is_an_error(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    two_runs(tmp_path)
    saver = StoreSaver(tmp_path)
    assert newest_id(saver) == "6"

    def stale(*_: int) -> bytes:
        raise OSError(errno.ESTALE, "Stale file handle")

    monkeypatch.setattr(os, "pread", stale)
    for look in (saver, StoreSaver(tmp_path)):
        with pytest.raises(LogChangedError, match=RUN_B):
            newest_id(look)


@pytest.mark.parametrize("with_its_head", [False, True])
def test_damage_after_the_first_read_is_still_found(with_its_head: bool, tmp_path: Path) -> None:
    two_runs(tmp_path)
    saver = StoreSaver(tmp_path, run=RUN_A)
    assert newest_id(saver) == "6"
    path = log_of(tmp_path, RUN_B)
    data = bytearray(path.read_bytes())
    data[data.index(b"xxxx")] ^= 1
    data[len(HEADER)] ^= int(with_its_head)
    path.write_bytes(data)
    with pytest.raises(CorruptSegmentError, match=RUN_B):
        saver.get_tuple(config("4"))
