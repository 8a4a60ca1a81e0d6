"""The clean-up Job: its input, its report, its exit code."""

import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from agentrun_store import cleanup
from agentrun_store.checkpointer import StoreSaver
from unit.store.support import RUN_A, RUN_B, RUN_C, THREAD, content, put

STATELESS = f"stateless/{RUN_C}"


@pytest.fixture(autouse=True)
def umask() -> Iterator[None]:
    """The Job sets its own, which is not for the tests after it."""
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


def test_it_reports_each_run_and_says_the_same_when_repeated(
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


def test_a_run_whose_segment_never_answers_holds_up_no_other(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What is in a segment is the agent's to choose: here a pipe in place of its log."""
    put(StoreSaver(tmp_path, run=RUN_A), "1")
    (log,) = tmp_path.rglob("checkpoints.log")
    log.unlink()
    os.mkfifo(log)
    put(StoreSaver(tmp_path, run=RUN_C), "3", thread=STATELESS)
    entries = [{"uid": RUN_A, "thread": THREAD}, {"uid": RUN_C, "thread": STATELESS}]
    monkeypatch.setattr(cleanup, "SECONDS", 0.4)
    code, report = clean(tmp_path, entries, monkeypatch)
    assert code == 1
    assert report["errors"] == {RUN_A: "TimeoutError: not done within 0 s"}
    assert report["runs"] == {RUN_C: {"checkpoints": 1}}


def test_it_goes_on_past_a_run_that_cannot_be_cleaned(
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


@pytest.mark.usefixtures("fast_disk")
def test_a_report_on_many_runs_fits_and_loses_errors_last(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    uids = [f"aaaaaaaa-0000-4000-8000-{number:012}" for number in range(300)]
    good = [{"uid": uid, "thread": THREAD} for uid in uids]
    code, report = clean(tmp_path, good[:65], monkeypatch)
    assert (code, len(report["runs"])) == (0, 65)

    code, report = clean(tmp_path, good, monkeypatch)
    assert code == 0
    assert len(report["runs"]) + report["omitted"] == 300

    bad = [{"uid": uid, "thread": "threads/" + "é" * 1000} for uid in uids[:40]]
    code, report = clean(tmp_path, bad + good[40:], monkeypatch)
    assert code == 1
    assert report["errors"].keys() == set(uids[:40])
    assert len(report["runs"]) + report["omitted"] == 260


def test_what_it_makes_can_be_written_by_the_group(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    clean(tmp_path, [{"uid": RUN_A, "thread": THREAD}], monkeypatch)
    assert (tmp_path / THREAD).stat().st_mode & 0o777 == 0o775
