"""The supervisor as PID 1 of a namespace, which the kernel treats specially."""

import os

from unit.runner.pod import MakePod, await_death, descendant


def test_sigterm_reaches_pid_1(graph_pod: MakePod) -> None:
    running = graph_pod("stubborn:sleeps", input={"n": 1}, grace=20).start(pid_one=True)
    running.wait_for("ready")
    running.stop()
    ended = running.end()

    assert ended.verdict() == (143, "Stopped", None)
    assert "cleaned up" in ended.lines
    assert ended.seconds < 5


def test_an_agent_that_interrupts_pid_1_does_not_prevent_its_report(command_pod: MakePod) -> None:
    ended = command_pod("kill -INT 1; kill -INT $$").start(pid_one=True).end()

    assert ended.verdict() == (1, "Failed", "AgentFailed")
    assert "killed by SIGINT" in ended.report["message"]


def test_orphans_are_reaped(graph_pod: MakePod) -> None:
    running = graph_pod("stubborn:orphans_a_process", input={}).start(pid_one=True)
    ended = running.end()

    assert ended.verdict() == (0, "Succeeded", None)
    assert ended.report["output"] == {"answer": "reaped"}


def test_every_process_is_dead_before_the_report_is_written(graph_pod: MakePod) -> None:
    """Failure mode 20b."""
    pod = graph_pod("stubborn:leaves_processes_behind", input={})
    os.mkfifo(pod.termination_log)  # the report waits for its reader
    running = pod.start(pid_one=True)
    running.wait_for("ready")
    in_its_group = descendant(running.supervisor, "601")
    in_another_session = descendant(running.supervisor, "602")
    running.stop()
    await_death(in_its_group)
    await_death(in_another_session)
    report = pod.termination_log.read_text()

    assert '"result":"Stopped"' in report
    assert running.end().exit_code == 143
