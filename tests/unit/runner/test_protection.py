"""The protection of the supervisor's report from the agent."""

import json

from unit.runner.pod import MakePod

# As the agent in a pod: the supervisor's user, without CAP_SYS_PTRACE.
TAMPER = """
import ctypes, os
libc = ctypes.CDLL(None, use_errno=True)
print("attach", libc.ptrace(16, os.getppid(), 0, 0))
try:
    open(f"/proc/{os.getppid()}/mem", "r+b")
    print("open")
except PermissionError:
    print("no memory")
libc.ptrace(0, 0, 0, 0)
print("own memory", open("/proc/self/mem", "r+b").writable())
"""


def test_the_agent_cannot_trace_its_supervisor_or_open_its_memory(make_pod: MakePod) -> None:
    run = {"runtime": {"command": {"command": ["python3", "-c", TAMPER]}}}
    ended = make_pod(run).start(unprivileged=True).end()

    assert ended.verdict() == (0, "Succeeded", None)
    assert {"attach -1", "no memory", "own memory True"} <= set(ended.lines)


def test_the_report_is_in_the_log_whole_behind_all_that_the_agent_prints(
    command_pod: MakePod,
) -> None:
    """The agent leaves a line open, and a process that keeps printing in another session."""
    script = """
    setsid sh -c 'while echo still here; do :; done' &
    printf %s '{"event":"report","result":"Succeeded"'
    exit 3
    """
    ended = command_pod(script).run()

    finished = json.loads(ended.lines[-1])
    assert finished.pop("event") == "finished"
    del finished["time"]
    assert finished == ended.report
    assert ended.report["result"] == "Failed"


def test_a_short_report_comes_first_and_survives_when_the_message_is_cut(
    graph_pod: MakePod,
) -> None:
    ended = graph_pod("graphs:large_and_asks", input={"n": 100_000}).run()

    short, whole = ended.message.splitlines()
    assert json.loads(short) == {
        "result": "Succeeded",
        "checkpoint": ended.report["checkpoint"],
        "cut": True,
    }
    assert len(ended.message) <= 4096
    [event] = ended.events("report")
    assert event.items() > json.loads(whole).items()


def test_an_invalid_result_does_not_prevent_the_report(graph_pod: MakePod) -> None:
    ended = graph_pod("forges:graph", input={}).run()

    assert ended.verdict() == (1, "Failed", "AgentFailed")
    assert ended.report["message"] == "no  [31m? line"
    assert ended.report["checkpoint"]["count"] == 2
    assert "forced" not in ended.report
