"""The clean-up Job: its input, its report, its exit code."""

import json
import os
import signal
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from agentrun_store import cleanup, rollback
from agentrun_store.checkpointer import StoreSaver
from agentrun_store.cleanup_report import Report
from agentrun_store.names import RunName
from agentrun_store.segment import Segment
from agentrun_store.thread import Thread
from unit.store.support import RUN_A, RUN_B, RUN_C, THREAD, content, put

STATELESS = f"stateless/{RUN_C}"


@pytest.fixture(autouse=True)
def umask() -> Iterator[None]:
    """Restore the umask: the Job sets its own."""
    before = os.umask(0o022)
    os.umask(before)
    yield
    os.umask(before)


def clean(root: Path, entries: Any, monkeypatch: pytest.MonkeyPatch) -> tuple[int, dict[str, Any]]:
    text = entries if isinstance(entries, str) else json.dumps(entries)
    monkeypatch.setenv("AGENTRUN_CLEANUP", text)
    termination_log = root / "termination-log"
    code = cleanup.main(root, termination_log)
    assert termination_log.stat().st_size <= 4096
    return code, json.loads(termination_log.read_text())


def test_the_clean_up_reports_each_run_and_can_be_repeated(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Failure mode 32."""
    put(StoreSaver(tmp_path, run=RUN_A), "1")
    put(StoreSaver(tmp_path, run=RUN_B), "2")
    put(StoreSaver(tmp_path, run=RUN_C), "3", thread=STATELESS)
    entries = [{"uid": RUN_B, "thread": THREAD}, {"uid": RUN_C, "thread": STATELESS}]

    code, report = clean(tmp_path, entries, monkeypatch)
    assert code == 0
    assert report == {
        "runs": {RUN_B: {"checkpoints": 1}, RUN_C: {"checkpoints": 1}},
        "errors": {},
    }
    assert json.loads(capsys.readouterr().out) == report
    assert set(content(tmp_path)) == {"1"}

    code, report = clean(tmp_path, entries, monkeypatch)
    assert code == 0
    assert report["runs"] == {RUN_B: {"checkpoints": 1}, RUN_C: {"checkpoints": 0}}


def test_a_run_that_cannot_be_read_in_time_is_rolled_back_unread(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Reading a volume, or an agent's data, may never end."""
    put(StoreSaver(tmp_path, run=RUN_A), "1")
    put(StoreSaver(tmp_path, run=RUN_C), "3", thread=STATELESS)
    real = Segment.counted

    def stuck(segment: Segment) -> Any:
        if segment.run == RUN_A:
            signal.pause()
        return real(segment)

    monkeypatch.setattr(Segment, "counted", stuck)
    entries = [{"uid": RUN_A, "thread": THREAD}, {"uid": RUN_C, "thread": STATELESS}]
    monkeypatch.setattr(cleanup, "SECONDS", 2)
    code, report = clean(tmp_path, entries, monkeypatch)
    assert code == 0
    assert report["errors"] == {}
    assert report["runs"] == {RUN_C: {"checkpoints": 1}, RUN_A: {"checkpoints": 0}}
    assert content(tmp_path) == {}


def test_a_run_that_takes_too_much_memory_is_rolled_back_unread(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    put(StoreSaver(tmp_path, run=RUN_A), "1")
    monkeypatch.setattr(Segment, "counted", lambda _: bytearray(cleanup.MEMORY))
    code, report = clean(tmp_path, [{"uid": RUN_A, "thread": THREAD}], monkeypatch)
    assert (code, report["runs"]) == (0, {RUN_A: {"checkpoints": 0}})


def test_a_removal_that_does_not_end_is_an_error_after_all_others_are_done(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for run in (RUN_A, RUN_B):
        put(StoreSaver(tmp_path, run=run), "1", thread=run)
    real = rollback.remove

    def endless(thread: Thread, run: RunName) -> None:
        if run == RUN_A:
            signal.pause()
        real(thread, run)

    def limits(number: int, share: float) -> cleanup.Limits:
        return cleanup.Limits(reading=share, removing=0.3 if number < 2 else 1, unread=False)

    monkeypatch.setattr(rollback, "remove", endless)
    monkeypatch.setattr(cleanup, "_limits", limits)
    entries = [{"uid": run, "thread": f"threads/{run}"} for run in (RUN_A, RUN_B)]
    code, report = clean(tmp_path, entries, monkeypatch)
    assert (code, report["runs"]) == (1, {RUN_B: {"checkpoints": 1}})
    assert report["errors"].keys() == {RUN_A}
    assert "the next Job continues" in report["errors"][RUN_A]


def test_each_rollback_is_reported_before_the_next_one_begins(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The kernel may kill all of a container that takes too much memory."""
    for run in (RUN_A, RUN_B):
        put(StoreSaver(tmp_path, run=run), "1", thread=run)
    entries = [{"uid": run, "thread": f"threads/{run}"} for run in (RUN_A, RUN_B)]
    real, seen = cleanup._roll_back, []

    def looked_at(*args: Any) -> Any:
        log = tmp_path / "termination-log"
        seen.append(json.loads(log.read_text())["runs"] if log.exists() else {})
        return real(*args)

    monkeypatch.setattr(cleanup, "_roll_back", looked_at)
    clean(tmp_path, entries, monkeypatch)
    assert seen == [{}, {RUN_A: {"checkpoints": 1}}]


def test_an_errors_text_is_short_valid_and_printable(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def fail(*_: Any) -> None:
        raise OSError("\x1b[2J\udcff\n" + "é" * 10_000)

    monkeypatch.setattr(rollback, "remove", fail)
    code, report = clean(tmp_path, [{"uid": RUN_A, "thread": THREAD}], monkeypatch)
    text = json.loads(capsys.readouterr().out.splitlines()[-1])["errors"][RUN_A]
    assert code == 1
    assert text.isprintable()
    assert len(text.encode()) <= 1024
    assert report["errors"].keys() == {RUN_A}


def test_the_clean_up_continues_after_a_run_that_cannot_be_cleaned(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Failure mode 31."""
    put(StoreSaver(tmp_path, run=RUN_B), "1")
    (tmp_path / "threads" / "broken").write_text("a file where a directory should be")
    entries = [
        {"uid": RUN_A, "thread": "threads/broken"},
        {"uid": RUN_C, "thread": "threads/../x"},
        {"uid": "not a uid", "thread": THREAD},
        {"uid": RUN_B, "thread": THREAD},
    ]
    code, report = clean(tmp_path, entries, monkeypatch)
    assert code == 1
    assert report["runs"] == {RUN_B: {"checkpoints": 1}}
    assert report["errors"].keys() == {RUN_A, RUN_C, "not a uid"}
    assert "NotADirectoryError" in report["errors"][RUN_A]
    assert "thread 'threads/../x'" in report["errors"][RUN_C]


@pytest.mark.parametrize(
    ("text", "field", "message"),
    [
        ("", "AGENTRUN_CLEANUP", "is no JSON"),
        ("{", "AGENTRUN_CLEANUP", "is no JSON"),
        ('{"uid": 1}', "AGENTRUN_CLEANUP", "must hold a JSON list"),
        ('["x"]', "AGENTRUN_CLEANUP[0]", "field 'uid' is missing"),
        ('[{"uid": 1}]', "AGENTRUN_CLEANUP[0]", "field 'uid' is missing or no text"),
        ('[{"uid": "x"}]', "AGENTRUN_CLEANUP[0]", "field 'thread' is missing"),
    ],
)
def test_bad_input_is_named(
    text: str, field: str, message: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    code, report = clean(tmp_path, text, monkeypatch)
    assert code == 1
    assert report["runs"] == {}
    assert message in report["errors"][field]


def test_a_report_on_many_runs_fits_and_loses_errors_last(tmp_path: Path) -> None:
    uids = [f"aaaaaaaa-0000-4000-8000-{number:012}" for number in range(300)]
    report = Report(tmp_path / "log", cleanup.MAX_MESSAGE)
    for uid in uids[:65]:
        report.done(uid, 7)
    assert json.loads((tmp_path / "log").read_text()) == json.loads(report.whole())

    report.runs = {uid: {"checkpoints": 7} for uid in uids[40:]}
    report.errors = dict.fromkeys(uids[:40], "x" * 500)
    report.write()
    written = (tmp_path / "log").read_text()
    assert len(written) <= cleanup.MAX_MESSAGE
    message = json.loads(written)
    assert message["errors"].keys() == set(uids[:40])
    assert len(message["runs"]) + message["omitted"] == 260
    assert len(json.loads(report.whole())["runs"]) == 260


def test_directories_that_the_clean_up_makes_can_be_written_by_the_group(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    clean(tmp_path, [{"uid": RUN_A, "thread": THREAD}], monkeypatch)
    assert (tmp_path / THREAD).stat().st_mode & 0o777 == 0o775
