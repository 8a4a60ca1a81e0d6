"""In a pod a run sees its thread, and can write its own segment only."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from agentrun_store import workspace
from agentrun_store.checkpointer import StoreSaver
from agentrun_store.errors import InvalidNameError, SegmentOrderError, StoreError
from agentrun_store.rollback import drop_run
from agentrun_store.summary import summary
from unit.store.faults import faulty
from unit.store.support import RUN_A, RUN_B, RUN_C, THREAD, config, newest_id, put

SEGMENT = f"1790000000000-{RUN_B}"


def given(root: Path, name: str, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The directory that the kubelet has made, and that the pod's variable names."""
    own = root / THREAD / "segments" / name
    own.mkdir(parents=True)
    monkeypatch.setenv("AGENTRUN_SEGMENT", name)
    return own


@pytest.fixture
def pod(unprivileged: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A store in which RUN_A has been, and only the segment of RUN_B can be written."""
    put(StoreSaver(unprivileged, run=RUN_A), "1")
    (workspace.prepare(unprivileged, THREAD, RUN_A) / "notes").write_text("a")
    drop_run(unprivileged, THREAD, RUN_C)
    own = given(unprivileged, SEGMENT, monkeypatch)
    others = [path for path in (unprivileged, *unprivileged.rglob("*")) if path != own]
    for path in others:
        path.chmod(0o555 if path.is_dir() else 0o444)
    yield unprivileged
    for path in others:
        path.chmod(0o755)


def outside(root: Path) -> dict[str, tuple[int, ...]]:
    """The status of all files outside of the run's own segment: any change would change it."""
    own = root / THREAD / "segments" / SEGMENT
    paths = [path for path in (root, *root.rglob("*")) if own not in (path, *path.parents)]
    stats = {path: path.lstat() for path in paths}
    return {
        str(path): (s.st_ino, s.st_mode, s.st_size, s.st_mtime_ns, s.st_ctime_ns)
        for path, s in stats.items()
    }


def test_a_run_changes_nothing_outside_of_its_segment(pod: Path) -> None:
    before = outside(pod)
    for attempt in range(2):
        saver = StoreSaver(pod, run=RUN_B)
        assert newest_id(saver) == ("1" if attempt == 0 else "2")
        saver.put_writes(config("1"), [("value", attempt)], "task")
        put(saver, "2", attempt, parent="1")
        made = workspace.prepare(pod, THREAD, RUN_B)
        assert made == pod / THREAD / "segments" / SEGMENT / "workspace"
        assert (made / "notes").read_text() == "a"
        assert summary(pod, THREAD, RUN_B) == ("2", 1)
    assert outside(pod) == before


def test_a_put_into_a_given_segment_is_on_disk(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    own = given(tmp_path, SEGMENT, monkeypatch)
    with faulty() as disk:
        put(StoreSaver(tmp_path, run=RUN_B), "1")
    assert disk.unsynced == {}
    synced = {path for call, path in disk.calls if call == "fsync"}
    assert {str(own), str(own.parent), str(own.parent.parent)} <= synced
    assert {call for call, _ in disk.calls} <= {"open", "pwrite", "fsync", "fdatasync"}


@pytest.mark.parametrize("name", ["", "1-x", f"000001-{RUN_A}", f"0000001-{RUN_B}", f"x-{RUN_B}"])
def test_a_segment_that_is_not_the_runs_is_refused(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AGENTRUN_SEGMENT", name)
    for write in (
        lambda: put(StoreSaver(tmp_path, run=RUN_B), "1"),
        lambda: workspace.prepare(tmp_path, THREAD, RUN_B),
    ):
        with pytest.raises(InvalidNameError, match=f"must be '<number>-{RUN_B}'"):
            write()
    assert list(tmp_path.iterdir()) == []


def test_a_given_segment_that_is_not_mounted_is_refused_and_not_made(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    given(tmp_path, SEGMENT, monkeypatch).rmdir()
    with pytest.raises(StoreError, match="must mount"):
        put(StoreSaver(tmp_path, run=RUN_B), "1")
    assert list((tmp_path / THREAD / "segments").iterdir()) == []


def test_a_run_with_a_smaller_number_than_a_written_segment_writes_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The clocks of two operators differ, and the newer run has the smaller number."""
    given(tmp_path, f"1790000000001-{RUN_A}", monkeypatch)
    put(StoreSaver(tmp_path, run=RUN_A), "1")
    own = given(tmp_path, SEGMENT, monkeypatch)
    for write in (
        lambda: put(StoreSaver(tmp_path, run=RUN_B), "2"),
        lambda: workspace.prepare(tmp_path, THREAD, RUN_B),
    ):
        with pytest.raises(SegmentOrderError, match="check the clocks"):
            write()
    assert list(own.iterdir()) == []


@pytest.mark.parametrize("other", ["empty", "rolled back", "before"])
def test_an_empty_rolled_back_or_older_segment_does_not_hinder_a_run(
    other: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    number = 1789999999999 if other == "before" else 1790000000001
    given(tmp_path, f"{number}-{RUN_A}", monkeypatch)
    if other != "empty":
        put(StoreSaver(tmp_path, run=RUN_A), "1")
    if other == "rolled back":
        drop_run(tmp_path, THREAD, RUN_A)
    given(tmp_path, SEGMENT, monkeypatch)
    put(StoreSaver(tmp_path, run=RUN_B), "2")
    assert newest_id(StoreSaver(tmp_path)) == "2"
