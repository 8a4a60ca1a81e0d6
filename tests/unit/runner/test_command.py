"""Agents that are any program."""

import json
import os
import signal

import pytest

from unit.runner.pod import MakePod, Pod, Running, await_death, children, descendant, until


def test_exit_code_0_is_success(command_pod: MakePod) -> None:
    ended = command_pod("echo hello").run()

    assert ended.verdict() == (0, "Succeeded", None)
    assert "hello" in ended.lines


def test_any_other_exit_code_is_a_failure_that_names_it(command_pod: MakePod) -> None:
    ended = command_pod("exit 3").run()

    assert ended.verdict() == (1, "Failed", "AgentFailed")
    assert "exit code 3" in ended.report["message"]


@pytest.mark.parametrize(("sent", "told"), [("SEGV", "SIGSEGV"), ("40", "signal 40")])
def test_a_signal_that_the_runner_did_not_send_is_a_failure(
    command_pod: MakePod, sent: str, told: str
) -> None:
    ended = command_pod(f"kill -{sent} $$").run()

    assert ended.verdict() == (1, "Failed", "AgentFailed")
    assert f"killed by {told}" in ended.report["message"]


def test_arguments_never_reach_a_shell(make_pod: MakePod) -> None:
    words = ["$(touch broken-out)", "; exit 1", "ä b"]
    run = {"runtime": {"command": {"command": ["printf", "%s\\n"], "args": words}}}
    ended = make_pod(run).run()

    assert ended.verdict() == (0, "Succeeded", None)
    assert [line for line in ended.lines if line[0] != "{"] == words


def test_a_program_that_is_not_there_is_named(make_pod: MakePod) -> None:
    ended = make_pod({"runtime": {"command": {"command": ["no-such-program"]}}}).run()

    assert ended.verdict() == (1, "Failed", "AgentFailed")
    assert "Agent spec.runtime.command" in ended.report["message"]
    assert "'no-such-program'" in ended.report["message"]


def test_a_program_runs_in_its_workspace_which_the_next_run_continues(command_pod: MakePod) -> None:
    first = command_pod('echo one > notes; test "$PWD" = "$AGENTRUN_WORKSPACE"')
    assert first.run().verdict() == (0, "Succeeded", None)
    ended = command_pod("cat notes; echo two >> notes").run()

    assert ended.verdict() == (0, "Succeeded", None)
    assert "one" in ended.lines
    kept = sorted(first.thread_dir.glob("segments/*/workspace/notes"))
    assert [path.read_text() for path in kept] == ["one\n", "one\ntwo\n"]


def test_a_program_can_read_its_input_from_the_run_file(make_pod: MakePod) -> None:
    script = 'cat "$AGENTRUN_ROOT/run/run.json"'
    run = {"runtime": {"command": {"command": ["sh", "-c", script]}}, "input": {"task": "count"}}

    assert json.loads(make_pod(run).run().lines[1]) == run


def test_a_program_has_the_default_signal_dispositions(command_pod: MakePod) -> None:
    ended = command_pod("grep -E 'Sig(Blk|Ign)' /proc/self/status; umask").run()
    blocked, ignored, umask = [line.split()[-1] for line in ended.lines if line[0] != "{"]

    assert (blocked, umask) == ("0000000000000000", "0002")
    # Bit n-1 is signal n. Those from 32 on are the C library's, and the tests' parent may have
    # left one of them ignored.
    assert int(ignored, 16) & 0x7FFFFFFF == 0


def test_a_program_does_not_get_the_descriptor_for_the_result(command_pod: MakePod) -> None:
    ended = command_pod("ls -l /proc/self/fd; env").run()

    assert not [line for line in ended.lines if "agentrun-result" in line]
    assert not [line for line in ended.lines if line.startswith("AGENTRUN_RESULT_FD")]


def test_a_program_that_cleans_up_is_stopped_and_has_not_succeeded(command_pod: MakePod) -> None:
    script = "trap 'echo bye; exit 0' TERM; echo ready; while :; do sleep 0.1; done"
    running = command_pod(script).start()
    running.wait_for("ready")
    running.stop()
    ended = running.end()

    assert ended.verdict() == (143, "Stopped", None)
    assert "bye" in ended.lines
    assert "forced" not in ended.report


def test_a_second_sigterm_changes_nothing(command_pod: MakePod) -> None:
    script = "trap 'echo told' TERM; echo ready; while :; do sleep 0.1; done"
    running = command_pod(script, grace=2).start()
    running.wait_for("ready")
    running.stop()
    running.wait_for("told")
    running.signal(signal.SIGTERM)
    ended = running.end()

    assert ended.lines.count("told") == 1
    assert len(ended.events("stopping")) == 1
    assert 1.3 <= ended.seconds < 2


def test_a_program_that_ignores_sigterm_is_killed_with_all_its_children(
    command_pod: MakePod,
) -> None:
    """Failure mode 20b."""
    running = command_pod("trap '' TERM; sleep 603 & echo ready; wait", grace=1).start()
    running.wait_for("ready")
    child = descendant(running.supervisor, "603")
    running.stop()
    ended = running.end()

    assert ended.verdict() == (143, "Stopped", None)
    assert ended.report["forced"] is True
    assert 0.5 <= ended.seconds < 1
    await_death(child)


def test_background_processes_end_with_their_program(command_pod: MakePod) -> None:
    """Failure mode 20b."""
    running = command_pod("mkfifo go; sleep 604 & echo ready; read line < go").start()
    running.wait_for("ready")
    child = descendant(running.supervisor, "604")
    open_gate(running.pod)

    assert running.end().verdict() == (0, "Succeeded", None)
    await_death(child)


def test_a_program_that_had_ended_when_sigterm_was_taken_has_succeeded(
    command_pod: MakePod,
) -> None:
    running = command_pod("mkfifo go; echo ready; read line < go").start()
    running.wait_for("ready")
    (program,) = children(running.supervisor)
    running.signal(signal.SIGSTOP)
    open_gate(running.pod)
    await_death(program)
    running.stop()
    running.signal(signal.SIGCONT)

    assert running.end().verdict() == (0, "Succeeded", None)


def test_a_store_that_hangs_does_not_prevent_the_report_of_a_stopped_run(
    command_pod: MakePod,
) -> None:
    script = "trap 'exit 0' TERM; echo ready; while :; do sleep 1; done"
    pod = command_pod(script, grace=2)
    segments = pod.thread_dir / "segments"
    segments.mkdir(parents=True)
    for number in range(10_000):  # so that the reader is there for a while
        (segments / f"{number:06d}-other").touch()
    running = pod.start()
    running.wait_for("ready")
    program = children(running.supervisor)
    running.stop()
    stop_reading(running, program)
    ended = running.end()

    assert ended.verdict() == (143, "Stopped", None)
    assert "checkpoint" not in ended.report
    assert ended.seconds < 2
    (warning,) = ended.events("warning")  # a line of JSON, like all output of the runner
    assert "the store gave no answer" in warning["message"]


def test_sigterm_while_the_store_hangs_hurries_the_report(command_pod: MakePod) -> None:
    running = command_pod("mkfifo go; echo ready; read line < go", grace=2).start()
    running.wait_for("ready")
    program = children(running.supervisor)
    open_gate(running.pod)
    stop_reading(running, program)
    running.stop()
    ended = running.end()

    assert ended.verdict() == (0, "Succeeded", None)
    assert "checkpoint" not in ended.report
    assert 1.5 < ended.seconds < 2


def stop_reading(running: Running, program: list[int]) -> None:
    """Stop the supervisor's child that reads the store after the program, as a volume that hangs
    would."""
    until(lambda: bool(set(children(running.supervisor)) - set(program)))
    (reader,) = set(children(running.supervisor)) - set(program)
    os.kill(reader, signal.SIGSTOP)


def open_gate(pod: Pod) -> None:
    """Let a script continue that reads the pipe `go`."""
    (pipe,) = pod.thread_dir.glob("segments/*/workspace/go")
    pipe.write_text("go\n")
