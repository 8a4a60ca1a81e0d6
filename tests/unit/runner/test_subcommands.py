"""The other subcommands of the ENTRYPOINT: workspaces for foreign images, and the clean-up Job."""

import json
import re
import signal
from pathlib import Path

from unit.runner.pod import MakePod, until
from unit.store.graphs import delta_run, delta_runs
from unit.store.support import THREAD


def test_prepare_workspace_makes_the_workspace_in_the_given_segment(make_pod: MakePod) -> None:
    pod = make_pod({})
    pod.env["AGENTRUN_SEGMENT"] = f"1790000000000-{pod.uid}"
    segment = pod.thread_dir / "segments" / pod.env["AGENTRUN_SEGMENT"]
    segment.mkdir(parents=True)
    ended = pod.run("prepare-workspace")

    assert ended.exit_code == 0
    assert ended.message == b""
    assert [path.name for path in segment.iterdir()] == ["workspace"]
    assert [path.name for path in pod.thread_dir.iterdir()] == ["segments"]


def test_a_workspace_that_cannot_be_made_is_reported(make_pod: MakePod) -> None:
    ended = make_pod({}, thread="nowhere").run("prepare-workspace")

    assert ended.verdict() == (1, "Failed", "StoreFailed")
    assert "nowhere" in ended.report["message"]


def test_prepare_workspace_needs_to_know_the_run(make_pod: MakePod) -> None:
    ended = make_pod({}, AGENTRUN_UID="").run("prepare-workspace")

    assert ended.verdict() == (2, "Failed", "InvalidRun")


def test_cleanup_drops_what_the_run_wrote(make_pod: MakePod) -> None:
    run = {"runtime": {"langgraph": {"graph": "graphs:graph"}}, "input": {"n": 1}}
    pod = make_pod(run)
    pod.run()
    pod.env["AGENTRUN_CLEANUP"] = json.dumps([{"uid": pod.uid, "thread": "threads/talk"}])
    ended = pod.run("cleanup")

    assert ended.exit_code == 0
    assert ended.report["runs"] == {pod.uid: {"checkpoints": 4}}


def test_cleanup_finds_the_package_that_the_state_of_a_later_run_is_packed_with(
    make_pod: MakePod,
) -> None:
    """Like every process of the image, it starts without site-packages."""
    pod = make_pod({})
    delta_runs(pod.root / "store", 3)
    pod.env["AGENTRUN_CLEANUP"] = json.dumps([{"uid": delta_run(1), "thread": THREAD}])
    ended = pod.run("cleanup")

    assert ended.report["errors"] == {}
    assert ended.report["runs"][delta_run(1)]["checkpoints"] > 0


def test_cleanup_as_pid_1_can_be_stopped(make_pod: MakePod) -> None:
    pod = make_pod({})
    segment = pod.thread_dir / "segments" / f"000001-{pod.uid}"
    segment.mkdir(parents=True)
    for number in range(20_000):  # so that it takes a while
        (segment / str(number)).touch()
    pod.env["AGENTRUN_CLEANUP"] = json.dumps([{"uid": pod.uid, "thread": "threads/talk"}])
    running = pod.start("cleanup", pid_one=True)
    until(lambda: catches_sigterm(running.supervisor))
    running.stop()

    assert running.end().exit_code == 143


def test_an_unknown_subcommand_is_refused(make_pod: MakePod) -> None:
    ended = make_pod({}).run("clean-up")

    assert ended.exit_code == 2
    assert "usage:" in ended.stderr


def catches_sigterm(pid: int) -> bool:
    (caught,) = re.findall("SigCgt:\t(.*)", Path(f"/proc/{pid}/status").read_text())
    return bool(int(caught, 16) & 1 << signal.SIGTERM - 1)
