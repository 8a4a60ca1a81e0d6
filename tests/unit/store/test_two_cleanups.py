"""Two clean-ups of one run at a time: an operator that has restarted makes another Job."""

from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest

from agentrun_store import disk, remains, rollback, tree
from agentrun_store.checkpointer import StoreSaver
from unit.store.support import RUN_A, RUN_B, THREAD, content, put


def test_the_slower_of_two_clean_ups_removes_nothing_that_later_runs_need(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    put(StoreSaver(tmp_path, run=RUN_A), "1", "older")
    put(StoreSaver(tmp_path, run=RUN_B), "2", "newer", parent="1")
    monkeypatch.setattr(remains, "needed_without", lambda *_: None)  # all of it may be needed
    thread, run = rollback.named(tmp_path, THREAD, RUN_A)
    [kept] = [thread.kept_of(segment) for segment in thread.own(run)]
    remove = tree.remove

    def remove_later(path: Path) -> None:
        if path.parent == kept.path:
            monkeypatch.setattr(tree, "remove", remove)
            assert rollback.drop_run(tmp_path, THREAD, RUN_A) == 1  # the faster one, all of it
        remove(path)

    monkeypatch.setattr(tree, "remove", remove_later)
    try:
        rollback.drop_run(tmp_path, THREAD, RUN_A)
    except OSError:  # its Job reports it, and another one is made
        assert rollback.drop_run(tmp_path, THREAD, RUN_A) == 1
    assert kept.log.is_file()
    assert list(content(tmp_path)) == ["2"]


def test_a_file_that_two_processes_replace_at_a_time_is_never_a_part_of_one(tmp_path: Path) -> None:
    """The faster one's success ends the other, whatever that has written by then."""
    path = tmp_path / "file"
    path.write_bytes(b"old")
    slower = disk.replacement(path)

    def chunks() -> Iterator[bytes]:
        yield b"ne"
        disk.write_all(slower.__enter__(), b"n", 0)
        yield b"w"

    with suppress(OSError):
        disk.replace_file(path, chunks())
    assert path.read_bytes() in (b"old", b"new")
