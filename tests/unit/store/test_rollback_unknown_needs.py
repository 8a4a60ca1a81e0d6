"""Rolling back an older run when it is unknown what later runs need of it."""

from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import pytest

from agentrun_store import rollback
from agentrun_store.ancestors import key_of
from agentrun_store.checkpointer import StoreSaver
from agentrun_store.errors import CorruptSegmentError
from agentrun_store.history import History
from agentrun_store.log import HEADER
from agentrun_store.names import check_run
from agentrun_store.records import Kind
from agentrun_store.remains import needed_without
from agentrun_store.rollback import drop_run
from agentrun_store.thread import Store
from unit.store.conftest import Tool
from unit.store.graphs import CHAT, delta_run, delta_runs, state
from unit.store.support import RUN_B, RUN_C, THREAD, log_of, put


def kept(root: Path) -> list[Path]:
    return list((root / THREAD / "segments").glob("kept-*"))


def damage_the_later_run(root: Path) -> None:
    flip(log_of(root, delta_run(1)), len(HEADER))


def damage_its_needed_checkpoint(root: Path) -> None:
    damage_what_is_needed(root, Kind.CHECKPOINT)


def damage_its_needed_writes(root: Path) -> None:
    damage_what_is_needed(root, Kind.WRITES)


def damage_what_is_needed(root: Path, kind: Kind) -> None:
    thread, run = Store(root).thread(THREAD), check_run(delta_run(0))
    needed = needed_without(thread, run)
    assert needed is not None
    [segment] = [segment for segment in thread.segments() if segment.run == run]
    records = [record for record in segment.index.records() if key_of(record) in needed]
    flip(segment.log, next(r for r in records if r.kind == kind).payload_at)


def flip(log: Path, offset: int) -> None:
    data = bytearray(log.read_bytes())
    data[offset] ^= 1
    log.write_bytes(data)


@pytest.mark.parametrize(
    "damage", [damage_the_later_run, damage_its_needed_checkpoint, damage_its_needed_writes]
)
def test_a_run_is_kept_whole_if_it_is_unknown_what_later_runs_need(
    damage: Callable[[Path], None], tmp_path: Path, tool: Tool
) -> None:
    """Failure mode 29."""
    graph = delta_runs(tmp_path, 2)
    damage(tmp_path)
    log = log_of(tmp_path, delta_run(0)).read_bytes()
    assert drop_run(tmp_path, THREAD, delta_run(0)) > 0
    [left] = kept(tmp_path)
    assert (left / "checkpoints.log").read_bytes() == log
    assert tool("check", "chat").code == 1
    with pytest.raises(CorruptSegmentError):
        list(graph.compile(checkpointer=StoreSaver(tmp_path)).get_state_history(CHAT))


@pytest.mark.parametrize("age", [1, 2])
def test_a_log_that_the_clean_up_may_not_read_is_kept_whole_for_later_runs(
    age: int, tmp_path: Path
) -> None:
    """The rollback links the log and does not copy it: that is fast at any size."""
    graph = delta_runs(tmp_path, 4)
    before = state(graph, StoreSaver(tmp_path))
    thread, run = Store(tmp_path).thread(THREAD), check_run(delta_run(3 - age))
    log = log_of(tmp_path, run).read_bytes()
    for _ in range(2):
        assert rollback.bury(thread, run, unread=True) == 0
        rollback.remove(thread, run)
    [segment] = kept(tmp_path)
    assert (segment / "checkpoints.log").read_bytes() == log
    assert (segment / "checkpoints.log").stat().st_nlink == 1
    assert state(graph, StoreSaver(tmp_path)) == before


def test_a_run_that_has_a_workspace_only_leaves_nothing(tmp_path: Path) -> None:
    delta_runs(tmp_path, 2)
    damage_the_later_run(tmp_path)
    segment = History(Store(tmp_path).thread(THREAD)).segment_of(check_run(RUN_C))
    segment.make()
    put(StoreSaver(tmp_path, run=RUN_B), "9")
    assert drop_run(tmp_path, THREAD, RUN_C) == 0
    assert not segment.path.exists()
    assert kept(tmp_path) == []


def test_no_other_threads_log_is_kept(tmp_path: Path) -> None:
    """If an agent put a link in place of its log or its segment."""
    delta_runs(tmp_path, 2)
    secret = tmp_path / "secret"
    secret.mkdir()
    (secret / "checkpoints.log").write_text("of another thread")
    damage_the_later_run(tmp_path)
    log = log_of(tmp_path, delta_run(0))
    log.unlink()
    log.symlink_to(secret / "checkpoints.log")
    with suppress(OSError):
        drop_run(tmp_path, THREAD, delta_run(0))
    log.unlink(missing_ok=True)
    if log.parent.exists():
        log.parent.rmdir()
    log.parent.symlink_to(secret)
    drop_run(tmp_path, THREAD, delta_run(0))
    assert kept(tmp_path) == []
    assert (secret / "checkpoints.log").read_text() == "of another thread"
