"""A file that only the operator's Jobs can write shortens a stop that has begun."""

import json
import os
from pathlib import Path

import pytest

from agentrun_runner import stop_file
from agentrun_runner.clock import Clock
from agentrun_runner.signals import SignalQueue
from agentrun_runner.stop_file import StopFile
from agentrun_store import stops
from unit.runner.pod import MakePod, Pod, Running

IGNORES_SIGTERM = "trap '' TERM; echo ready; while :; do sleep 0.1; done"


def stopping(pod: Pod, *, pid_one: bool = False) -> Running:
    """Its agent ignores the stop that has begun."""
    running = pod.start(pid_one=pid_one)
    running.wait_for("ready")
    running.stop()
    running.wait_for('"stopping"')
    return running


def ask(pod: Pod, **what: object) -> None:
    asked = {"uid": pod.uid, "thread": pod.env["AGENTRUN_THREAD"], "seconds": 1} | what
    pod.env[stops.VARIABLE] = json.dumps(asked)


def job(pod: Pod, seconds: object) -> Path:
    """Run the operator's Job on the volume of the pod, and return the file."""
    ask(pod, seconds=seconds)
    assert pod.run("shorten").exit_code == 0
    return pod.thread_dir / "stops" / pod.uid


@pytest.mark.parametrize("pid_one", [False, True])
def test_an_agent_that_ignores_its_stop_is_killed_when_the_file_says(
    command_pod: MakePod, pid_one: bool
) -> None:
    pod = command_pod(IGNORES_SIGTERM, grace=60)
    running = stopping(pod, pid_one=pid_one)
    job(pod, 1)
    ended = running.end()

    assert ended.verdict() == (143, "Stopped", None)
    assert ended.report["forced"] is True
    assert ended.report["checkpoint"]["count"] == 0
    assert ended.events("finished")
    assert ended.stderr == ""
    assert 1 <= ended.seconds < 5


def test_a_graph_that_ignores_its_stop_is_killed_when_the_file_says(graph_pod: MakePod) -> None:
    pod = graph_pod("stubborn:ignores_sigterm", input={"n": 1}, grace=60)
    running = stopping(pod)
    job(pod, 30)
    job(pod, 1)  # lowered once more
    ended = running.end()

    assert ended.verdict() == (143, "Stopped", None)
    assert ended.report["forced"] is True
    assert ended.report["checkpoint"]["count"] == 3
    assert ended.seconds < 6


def test_a_file_that_is_there_before_the_stop_counts_from_the_stop_on(
    command_pod: MakePod,
) -> None:
    pod = command_pod(IGNORES_SIGTERM, grace=60)
    pod.thread_dir.mkdir(parents=True)
    job(pod, 1)
    ended = stopping(pod).end()

    assert ended.report["forced"] is True
    assert 1 <= ended.seconds < 5


def test_a_file_never_makes_a_stop_longer(command_pod: MakePod) -> None:
    pod = command_pod(IGNORES_SIGTERM, grace=1)
    pod.thread_dir.mkdir(parents=True)
    job(pod, 60)
    ended = stopping(pod).end()

    assert ended.report["forced"] is True
    assert 0.5 <= ended.seconds < 1.5


@pytest.mark.parametrize("what", ["pipe", "link", "directory", "text"])
def test_an_invalid_stop_file_is_ignored(command_pod: MakePod, tmp_path: Path, what: str) -> None:
    pod = command_pod(IGNORES_SIGTERM, grace=1)
    path = pod.thread_dir / "stops" / pod.uid
    path.parent.mkdir(parents=True)
    (tmp_path / "zero").write_text("0")
    match what:
        case "pipe":
            os.mkfifo(path)
        case "link":
            path.symlink_to(tmp_path / "zero")
        case "directory":
            path.mkdir()
        case _:
            path.write_text("-1")
    ended = stopping(pod).end()

    assert ended.verdict() == (143, "Stopped", None)
    assert 0.5 <= ended.seconds < 1.5


def test_a_volume_that_hangs_holds_up_neither_the_stop_nor_the_report(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """A thread beside the supervisor's own work reads the file."""
    asked, may_answer = os.pipe(), os.pipe()

    def hang(_: Path) -> None:
        os.write(asked[1], b"x")
        os.read(may_answer[0], 1)
        raise SystemExit  # which ends the thread

    monkeypatch.setattr(stop_file, "read", hang)
    # Not made: it blocks the signals of the tests.
    signals = SignalQueue.__new__(SignalQueue)
    signals.stopped_at = 7.0
    clock = Clock(60, signals)
    StopFile(tmp_path, signals, clock).watch()
    assert os.read(asked[0], 1) == b"x"  # it hangs

    assert clock.kill_at() == 65.0
    os.close(may_answer[1])


def test_the_job_does_nothing_for_a_run_that_was_rolled_back(make_pod: MakePod) -> None:
    pod = make_pod({})
    tombstone = pod.thread_dir / "tombstones" / pod.uid
    tombstone.parent.mkdir(parents=True)
    tombstone.touch()

    assert not job(pod, 1).exists()


@pytest.mark.parametrize(
    ("what", "told"),
    [
        ({"thread": "../outside"}, "thread '../outside'"),
        ({"thread": "threads/none"}, "no thread threads/none"),
        ({"uid": "x/y"}, "run 'x/y'"),
        ({"seconds": "soon"}, "soon"),
        ({"seconds": None}, "TypeError"),
    ],
)
def test_the_job_names_an_invalid_request(
    make_pod: MakePod, what: dict[str, object], told: str
) -> None:
    pod = make_pod({})
    pod.thread_dir.mkdir(parents=True)
    ask(pod, **what)
    ended = pod.run("shorten")

    assert ended.exit_code == 1
    assert told in ended.stderr


def test_the_job_follows_no_link(make_pod: MakePod, tmp_path: Path) -> None:
    pod = make_pod({})
    ask(pod)
    pod.thread_dir.mkdir(parents=True)
    outside = tmp_path / "outside"
    outside.mkdir()
    (pod.thread_dir / "stops").symlink_to(outside)

    assert pod.run("shorten").exit_code == 1
    assert list(outside.iterdir()) == []


def test_the_job_only_lowers_the_seconds(make_pod: MakePod) -> None:
    """An earlier Job may run later."""
    pod = make_pod({})
    pod.thread_dir.mkdir(parents=True)
    written = [job(pod, seconds).read_text() for seconds in (5, 9, 2)]

    assert written == ["5", "5", "2"]


def test_the_clean_up_of_a_run_removes_its_stop_file(make_pod: MakePod) -> None:
    pod = make_pod({})
    (pod.thread_dir / "segments" / f"000001-{pod.uid}").mkdir(parents=True)
    path = job(pod, 5)
    pod.env["AGENTRUN_CLEANUP"] = f'[{{"uid": "{pod.uid}", "thread": "threads/talk"}}]'

    assert pod.run("cleanup").exit_code == 0
    assert not path.exists()
