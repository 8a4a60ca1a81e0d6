"""The working directories of `command` agents."""

import os
import socket
from pathlib import Path

import pytest

from agentrun_store import disk, workspace
from agentrun_store.errors import StoreError
from agentrun_store.rollback import drop_run
from unit.store.shapes import deep_tree, depth
from unit.store.support import RUN_A, RUN_B, RUN_C, THREAD


def prepare(root: Path, run: str) -> Path:
    return workspace.prepare(root, THREAD, run)


def test_a_threads_first_workspace_is_empty(tmp_path: Path) -> None:
    made = prepare(tmp_path, RUN_A)
    assert made == tmp_path / THREAD / "segments" / f"000001-{RUN_A}" / "workspace"
    assert list(made.iterdir()) == []
    assert [path.name for path in (tmp_path / THREAD).iterdir()] == ["segments"]


def test_the_next_run_gets_its_own_copy_of_the_newest(tmp_path: Path) -> None:
    first = prepare(tmp_path, RUN_A)
    (first / "notes.txt").write_text("a")
    second = prepare(tmp_path, RUN_B)
    (second / "notes.txt").write_text("b")
    third = prepare(tmp_path, RUN_C)
    assert (third / "notes.txt").read_text() == "b"
    (third / "notes.txt").write_text("c")
    assert [path.joinpath("notes.txt").read_text() for path in (first, second)] == ["a", "b"]


def test_a_rolled_back_runs_files_are_gone_for_the_next(tmp_path: Path) -> None:
    (prepare(tmp_path, RUN_A) / "notes.txt").write_text("a")
    (prepare(tmp_path, RUN_B) / "notes.txt").write_text("b")
    drop_run(tmp_path, THREAD, RUN_B)
    assert (prepare(tmp_path, RUN_C) / "notes.txt").read_text() == "a"


def test_a_retry_keeps_its_workspace(tmp_path: Path) -> None:
    (prepare(tmp_path, RUN_A) / "half-done").write_text("1")
    again = prepare(tmp_path, RUN_A)
    assert (again / "half-done").read_text() == "1"


def test_a_copy_is_faithful(tmp_path: Path) -> None:
    first = prepare(tmp_path, RUN_A)
    outside = tmp_path / "outside"
    outside.write_text("not to be copied")
    (first / "deep" / "er").mkdir(parents=True)
    (first / "deep" / "er" / "data").write_bytes(os.urandom(3_000_000))
    (first / "empty").write_text("")
    (first / "run.sh").write_text("#!/bin/sh\n")
    (first / "run.sh").chmod(0o750)
    os.utime(first / "run.sh", (1_000_000_000, 1_000_000_000))
    (first / "absolute").symlink_to(outside)
    (first / "dangling").symlink_to("nowhere")
    (first / "directory").symlink_to("deep")
    (first / "read-only").mkdir()
    (first / "read-only" / "file").write_text("x")
    (first / "read-only").chmod(0o555)
    second = prepare(tmp_path, RUN_B)

    def tree(top: Path) -> dict[str, object]:
        return {
            str(path.relative_to(top)): (
                path.lstat().st_mode,
                path.lstat().st_mtime_ns if not path.is_symlink() else None,
                path.readlink() if path.is_symlink() else None,
                path.read_bytes() if path.is_file() and not path.is_symlink() else None,
            )
            for path in top.rglob("*")
        }

    assert tree(second) == tree(first)
    assert second.stat().st_mode == first.stat().st_mode


@pytest.mark.parametrize("mode", [0, 0o600], ids=["nothing", "no search"])
def test_unreadable_files_are_not_copied_and_the_log_names_them(
    mode: int, unprivileged: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """A pod cannot change an older run's files, and the thread stays usable without them."""
    first = prepare(unprivileged, RUN_A)
    for name in ("locked", "open"):
        (first / name).mkdir()
        (first / name / "file").write_text("a")
    (first / "open" / "lock\x1b").write_text("b")
    (first / "open" / "lock\x1b").chmod(0)
    (first / "locked").chmod(mode)
    before = modes(first)
    second = prepare(unprivileged, RUN_B)

    assert modes(first) == before
    assert sorted(path.name for path in second.iterdir()) == ["locked", "open"]
    assert [path.name for path in (second / "open").iterdir()] == ["file"]
    assert list((second / "locked").iterdir()) == []
    (text,) = (record.getMessage() for record in caplog.records)
    assert "2 files or directories may not be read" in text
    assert "open/lock?" in text
    assert ("locked" in text) == (mode in (0, 0o600))


def modes(top: Path) -> dict[str, int]:
    return {path.name: path.lstat().st_mode for path in (top, *top.iterdir())}


@pytest.mark.parametrize("become", ["unreadable", "link", "file"])
def test_a_run_gets_an_empty_workspace_if_the_last_one_cannot_be_read(
    become: str, unprivileged: Path, caplog: pytest.LogCaptureFixture
) -> None:
    first = prepare(unprivileged, RUN_A)
    secrets = unprivileged / "secrets"
    secrets.mkdir()
    (secrets / "file").write_text("")
    if become == "unreadable":
        (first / "notes").write_text("a")
        first.chmod(0)
    else:
        first.rmdir()
        first.symlink_to(secrets) if become == "link" else first.write_text("")
    assert list(prepare(unprivileged, RUN_B).iterdir()) == []
    assert "may not be read" in caplog.text


def test_a_retry_whose_workspace_became_a_link_is_refused(tmp_path: Path) -> None:
    first = prepare(tmp_path, RUN_A)
    first.rmdir()
    first.symlink_to(tmp_path)
    with pytest.raises(StoreError, match="symbolic link"):
        prepare(tmp_path, RUN_A)


def test_a_retry_can_read_a_workspace_that_it_locked(unprivileged: Path) -> None:
    first = prepare(unprivileged, RUN_A)
    (first / "notes").write_text("a")
    first.chmod(0)
    assert (prepare(unprivileged, RUN_A) / "notes").read_text() == "a"


def test_a_tree_deeper_than_any_path_is_copied(any_trees: Path) -> None:
    deep_tree(prepare(any_trees, RUN_A), 3_000)
    second = prepare(any_trees, RUN_B)
    assert depth(second) == 3_000
    assert drop_run(any_trees, THREAD, RUN_B) == 0


def test_a_file_with_a_hole_larger_than_the_volume_is_copied_with_it(tmp_path: Path) -> None:
    with (prepare(tmp_path, RUN_A) / "sparse").open("wb") as file:
        file.seek(1 << 40)
        file.write(b"end")
    copy = prepare(tmp_path, RUN_B) / "sparse"
    assert copy.stat().st_size == (1 << 40) + 3
    assert copy.stat().st_blocks < 1000
    with copy.open("rb") as file:
        file.seek(1 << 40)
        assert file.read() == b"end"


def test_pipes_and_sockets_are_not_copied(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    first = prepare(tmp_path, RUN_A)
    os.mkfifo(first / "pipe")
    with socket.socket(socket.AF_UNIX) as listener:
        monkeypatch.chdir(first)  # the path of a socket may not be long
        listener.bind("socket")
    (first / "file").write_text("")
    assert [path.name for path in prepare(tmp_path, RUN_B).iterdir()] == ["file"]


def test_a_file_system_with_reflinks_shares_data_and_copies_none(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (prepare(tmp_path, RUN_A) / "data").write_text("shared")

    def ficlone(new: int, request: int, old: int) -> int:
        assert request == 0x40049409
        os.pwrite(new, os.pread(old, 100, 0), 0)
        return 0

    def no_copy(*args: object) -> None:
        raise AssertionError("copied, though the file system can share")

    monkeypatch.setattr("fcntl.ioctl", ficlone)
    monkeypatch.setattr(disk, "copy_data", no_copy)
    assert (prepare(tmp_path, RUN_B) / "data").read_text() == "shared"


def test_without_reflinks_data_is_copied(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (prepare(tmp_path, RUN_A) / "data").write_text("copied")

    def ficlone(new: int, request: int, old: int) -> int:
        raise OSError(95, "operation not supported")

    monkeypatch.setattr("fcntl.ioctl", ficlone)
    assert (prepare(tmp_path, RUN_B) / "data").read_text() == "copied"
