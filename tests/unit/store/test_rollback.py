"""Rolling back runs: what a rollback restores, and what it removes for good."""

import json
import os
import tracemalloc
from pathlib import Path

import pytest

from agentrun_store import workspace
from agentrun_store.checkpointer import StoreSaver
from agentrun_store.errors import InvalidNameError, RunRolledBackError
from agentrun_store.history import History
from agentrun_store.names import check_run
from agentrun_store.rollback import drop_run, drop_stateless
from agentrun_store.summary import summary
from agentrun_store.thread import Store
from unit.store.support import RUN_A, RUN_B, RUN_C, THREAD, config, content, newest_id, put

STATELESS = f"stateless/{RUN_A}"


def tombstone(root: Path, run: str) -> Path:
    return root / THREAD / "tombstones" / run


def test_a_rollback_removes_one_run_from_the_chain_and_no_other(tmp_path: Path) -> None:
    """Failure modes 29 and 30."""
    for run, checkpoint_id in ((RUN_A, "1"), (RUN_B, "2"), (RUN_C, "3")):
        put(StoreSaver(tmp_path, run=run), checkpoint_id, run)
    logs = {path: path.read_bytes() for path in tmp_path.glob("**/checkpoints.log")}
    assert drop_run(tmp_path, THREAD, RUN_B) == 1
    assert set(content(tmp_path)) == {"1", "3"}
    left = {path: path.read_bytes() for path in tmp_path.glob("**/checkpoints.log")}
    assert left == {path: data for path, data in logs.items() if RUN_B not in str(path)}


def test_a_repeated_rollback_gives_the_same_number(tmp_path: Path) -> None:
    """Failure mode 32."""
    saver = StoreSaver(tmp_path, run=RUN_A)
    put(saver, "1")
    put(saver, "1", "again")
    put(saver, "2", ns="subgraph:task")
    saver.put_writes(config("1"), [("value", 1)], "task")
    assert summary(tmp_path, THREAD, RUN_A) == ("1", 2)
    assert drop_run(tmp_path, THREAD, RUN_A) == 2
    assert drop_run(tmp_path, THREAD, RUN_A) == 2
    assert json.loads(tombstone(tmp_path, RUN_A).read_text()) == {"checkpoints": 2, "seq": 1}
    assert summary(tmp_path, THREAD, RUN_A) == (None, 0)


def test_a_rollback_does_not_hold_a_large_checkpoint_in_memory(tmp_path: Path) -> None:
    put(StoreSaver(tmp_path, run=RUN_A), "1", "x" * (32 << 20))
    tracemalloc.start()
    try:
        assert drop_run(tmp_path, THREAD, RUN_A) == 1
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak < 8 << 20


def test_a_run_that_never_wrote_is_refused_when_its_pod_comes_late(tmp_path: Path) -> None:
    """Failure mode 34."""
    assert drop_run(tmp_path, THREAD, RUN_A) == 0
    for write in (
        lambda: put(StoreSaver(tmp_path, run=RUN_A), "1"),
        lambda: History(Store(tmp_path).thread(THREAD)).segment_of(check_run(RUN_A)),
        lambda: workspace.prepare(tmp_path, THREAD, RUN_A),
    ):
        with pytest.raises(RunRolledBackError, match=f"run {RUN_A} was rolled back"):
            write()
    assert [path.name for path in (tmp_path / THREAD).iterdir()] == ["tombstones"]


def test_a_writer_that_outlives_its_rollback_is_refused(tmp_path: Path) -> None:
    """Failure mode 65."""
    zombie = StoreSaver(tmp_path, run=RUN_A)
    put(zombie, "1")
    drop_run(tmp_path, THREAD, RUN_A)
    with pytest.raises(RunRolledBackError):
        put(zombie, "2")
    with pytest.raises(RunRolledBackError):
        zombie.put_writes(config("1"), [("value", 1)], "task")
    assert content(tmp_path) == {}


def test_a_writer_that_sees_no_tombstone_restores_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Failure mode 65.

    A network file system may show a new file late to a node that looked for it before.
    """
    put(StoreSaver(tmp_path, run=RUN_A), "1")
    put(StoreSaver(tmp_path, run=RUN_B), "2")
    before = content(tmp_path)
    zombies = [StoreSaver(tmp_path, run=RUN_C) for _ in range(3)]
    put(zombies[0], "3")
    with monkeypatch.context() as late:
        late.setattr("agentrun_store.thread.Thread.refuse_rolled_back", lambda *_: None)
        log = Store(tmp_path).thread(THREAD).segments()[-1]
        drop_run(tmp_path, THREAD, RUN_C)
        put(zombies[1], "4")
        log.make()
        put(zombies[2], "5")
    assert content(tmp_path) == before
    assert newest_id(StoreSaver(tmp_path, run=RUN_B)) == "2"
    assert drop_run(tmp_path, THREAD, RUN_C) == 1
    segments = [path.name for path in (tmp_path / THREAD / "segments").iterdir()]
    assert sorted(segments) == [f"000001-{RUN_A}", f"000002-{RUN_B}"]


def test_a_tombstone_with_a_damaged_content_still_buries_its_run(tmp_path: Path) -> None:
    put(StoreSaver(tmp_path, run=RUN_A), "1")
    drop_run(tmp_path, THREAD, RUN_A)
    tombstone(tmp_path, RUN_A).write_bytes(b"\0" * 20)
    assert drop_run(tmp_path, THREAD, RUN_A) == 0
    with pytest.raises(RunRolledBackError):
        put(StoreSaver(tmp_path, run=RUN_A), "2")
    put(StoreSaver(tmp_path, run=RUN_B), "3")


def test_a_rollback_removes_what_an_agent_made_read_only(unprivileged: Path) -> None:
    root = unprivileged
    made = workspace.prepare(root, THREAD, RUN_A)
    (made / "locked").mkdir()
    (made / "locked" / "file").write_text("")
    outside = root / "outside"
    outside.mkdir(mode=0o755)
    (made / "locked" / "link").symlink_to(outside)
    (made / "locked").chmod(0o500)
    made.chmod(0o500)
    drop_run(root, THREAD, RUN_A)
    assert list((root / THREAD / "segments").iterdir()) == []
    assert outside.stat().st_mode & 0o777 == 0o755


def test_directories_of_a_rollback_can_be_written_by_the_group(tmp_path: Path) -> None:
    """A run's pod may have another user than the clean-up Job, in the volume's group."""
    tmp_path.chmod(0o2775)
    umask = os.umask(0o002)
    try:
        drop_run(tmp_path, THREAD, RUN_A)
    finally:
        os.umask(umask)
    for path in (tmp_path / "threads", tmp_path / THREAD, tmp_path / THREAD / "tombstones"):
        assert path.stat().st_mode & 0o7777 == 0o2775


def test_a_stateless_runs_directory_is_removed_as_a_whole(tmp_path: Path) -> None:
    put(StoreSaver(tmp_path, run=RUN_A), "1", thread=STATELESS)
    assert drop_stateless(tmp_path, STATELESS, RUN_A) == 1
    assert drop_stateless(tmp_path, STATELESS, RUN_A) == 0
    assert list((tmp_path / "stateless").iterdir()) == []


def test_a_stateless_directory_is_removed_only_with_its_own_run(tmp_path: Path) -> None:
    put(StoreSaver(tmp_path, run=RUN_A), "1", thread=STATELESS)
    for thread in (STATELESS, THREAD):
        with pytest.raises(InvalidNameError, match=f"the thread of run {RUN_B} is stateless/"):
            drop_stateless(tmp_path, thread, RUN_B)
    assert (tmp_path / STATELESS).exists()
