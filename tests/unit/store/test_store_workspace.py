"""The working directories of `command` agents."""

import os
import shutil
import socket
from contextlib import suppress
from pathlib import Path

import pytest

from agentrun_store import workspace
from agentrun_store.errors import StoreError
from agentrun_store.rollback import drop_run
from unit.store.support import RUN_A, RUN_B, RUN_C, THREAD


def prepare(root: Path, run: str) -> Path:
    return workspace.prepare(root, THREAD, run)


def current(root: Path) -> Path:
    link = root / THREAD / "current"
    assert not link.readlink().is_absolute()
    return link.resolve()


def test_a_threads_first_workspace_is_empty(tmp_path: Path) -> None:
    made = prepare(tmp_path, RUN_A)
    assert made == tmp_path / THREAD / "segments" / f"000001-{RUN_A}" / "workspace"
    assert list(made.iterdir()) == []
    assert current(tmp_path) == made


def test_the_next_run_gets_its_own_copy_of_the_newest(tmp_path: Path) -> None:
    first = prepare(tmp_path, RUN_A)
    (first / "notes.txt").write_text("a")
    second = prepare(tmp_path, RUN_B)
    (second / "notes.txt").write_text("b")
    third = prepare(tmp_path, RUN_C)
    assert (third / "notes.txt").read_text() == "b"
    (third / "notes.txt").write_text("c")
    assert [path.joinpath("notes.txt").read_text() for path in (first, second)] == ["a", "b"]
    assert current(tmp_path) == third


def test_a_rolled_back_runs_files_are_gone_for_the_next(tmp_path: Path) -> None:
    (prepare(tmp_path, RUN_A) / "notes.txt").write_text("a")
    (prepare(tmp_path, RUN_B) / "notes.txt").write_text("b")
    drop_run(tmp_path, THREAD, RUN_B)
    assert (prepare(tmp_path, RUN_C) / "notes.txt").read_text() == "a"


def test_a_retry_goes_on_in_its_workspace(tmp_path: Path) -> None:
    (prepare(tmp_path, RUN_A) / "half-done").write_text("1")
    again = prepare(tmp_path, RUN_A)
    assert (again / "half-done").read_text() == "1"
    assert current(tmp_path) == again


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


def test_what_an_agent_made_unreadable_is_copied_all_the_same(unprivileged: Path) -> None:
    first = prepare(unprivileged, RUN_A)
    (first / "directory").mkdir()
    (first / "directory" / "file").write_text("a")
    (first / "lock").write_text("b")
    with suppress(OSError):  # not every file system has them
        os.setxattr(first / "lock", "user.owner", b"me")
    locked = ("directory/file", "directory", "lock")
    for name in locked:
        (first / name).chmod(0o020)
    second = prepare(unprivileged, RUN_B)

    for made in (first, second):
        for name in reversed(locked):
            assert (made / name).stat().st_mode & 0o777 == 0o020
            (made / name).chmod(0o700)
        assert (made / "directory" / "file").read_text() == "a"
        assert (made / "lock").read_text() == "b"


def test_a_directory_that_can_be_listed_but_not_searched_is_copied(unprivileged: Path) -> None:
    first = prepare(unprivileged, RUN_A)
    (first / "directory").mkdir()
    (first / "directory" / "file").write_text("a")
    (first / "directory").chmod(0o600)
    copied = prepare(unprivileged, RUN_B) / "directory"

    copied.chmod(0o700)
    assert (copied / "file").read_text() == "a"


def test_an_agent_that_locks_its_workspace_locks_out_no_other(unprivileged: Path) -> None:
    first = prepare(unprivileged, RUN_A)
    (first / "notes").write_text("a")
    first.chmod(0)
    for run in (RUN_B, RUN_A):  # the next run, and a retry
        assert (prepare(unprivileged, run) / "notes").read_text() == "a"


def test_pipes_and_sockets_stay_behind(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    first = prepare(tmp_path, RUN_A)
    os.mkfifo(first / "pipe")
    with socket.socket(socket.AF_UNIX) as listener:
        monkeypatch.chdir(first)  # the path of a socket may not be long
        listener.bind("socket")
    (first / "file").write_text("")
    assert [path.name for path in prepare(tmp_path, RUN_B).iterdir()] == ["file"]


def test_a_file_system_with_reflinks_is_asked_for_them(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (prepare(tmp_path, RUN_A) / "data").write_text("shared")

    def ficlone(new: object, request: int, old: int) -> int:
        assert request == 0x40049409
        os.pwrite(new.fileno(), os.pread(old, 100, 0), 0)  # type: ignore[attr-defined]
        return 0

    def no_copy(*args: object) -> None:
        raise AssertionError("copied, though the file system can share")

    monkeypatch.setattr("fcntl.ioctl", ficlone)
    monkeypatch.setattr(shutil, "copyfileobj", no_copy)
    assert (prepare(tmp_path, RUN_B) / "data").read_text() == "shared"


def test_a_file_system_without_reflinks_copies(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (prepare(tmp_path, RUN_A) / "data").write_text("copied")

    def ficlone(new: object, request: int, old: int) -> int:
        raise OSError(95, "operation not supported")

    monkeypatch.setattr("fcntl.ioctl", ficlone)
    assert (prepare(tmp_path, RUN_B) / "data").read_text() == "copied"


def test_a_workspace_that_became_a_link_is_not_followed(tmp_path: Path) -> None:
    first = prepare(tmp_path, RUN_A)
    secrets = tmp_path / "secrets"
    secrets.mkdir()
    first.rmdir()
    first.symlink_to(secrets)
    for run in (RUN_A, RUN_B):
        with pytest.raises(StoreError, match="symbolic link"):
            prepare(tmp_path, run)
