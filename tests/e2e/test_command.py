"""Agents that are any program: in the runner image, and in an image without the runner."""

import pytest

from . import deployment
from .kubectl import Object
from .namespace import Namespace, command_agent
from .run import Run, condition, message

# Adds a line to its notes in the workspace, prints them, and waits if its argument says so.
WRITE = """
import json, os, pathlib, time
assert pathlib.Path.cwd().resolve() == pathlib.Path(os.environ["AGENTRUN_WORKSPACE"]).resolve()
notes = pathlib.Path("notes")
old = notes.read_text() if notes.exists() else ""
notes.write_text(old + os.environ["AGENTRUN_NAME"] + " ")
print(json.dumps({"event": "wrote", "notes": notes.read_text()}), flush=True)
while "HOLD" in os.environ and not os.path.exists("/tmp/go"):
    time.sleep(0.02)
"""


@pytest.fixture(params=["runner image", "foreign image"])
def agents(ns: Namespace, request: pytest.FixtureRequest) -> Namespace:
    """The namespace with the Agents `writes`, and `holds`, which waits when it has written."""
    image = {"image": deployment.operator_image()} if request.param == "foreign image" else {}
    command = ("python3", "-c", WRITE)
    hold: list[Object] = [{"name": "HOLD", "value": "1"}]
    ns.create(
        command_agent("writes", *command, **image),
        command_agent("holds", *command, env=hold, **image),
    )
    return ns


def notes(run: Run) -> str:
    (line,) = (line for line in run.log() if line["event"] == "wrote")
    return str(line["notes"]).strip()


def start_and_hold(ns: Namespace, name: str) -> Run:
    run = ns.run("holds", name, thread="t")
    run.wait("Running")
    run.wait_log(event="wrote")
    return run


def test_each_run_of_a_thread_starts_with_a_copy_of_the_last_workspace(agents: Namespace) -> None:
    for number, name in enumerate(("one", "two"), 1):
        run = agents.run("writes", name, thread="t")
        run.wait("Succeeded")
        assert notes(run) == " ".join(("one", "two")[:number])
    other = agents.run("writes", "elsewhere", thread="other")
    other.wait("Succeeded")
    assert notes(other) == "elsewhere"


def test_an_interrupt_keeps_the_workspace(agents: Namespace) -> None:
    run = start_and_hold(agents, "one")
    run.cancel("interrupt")
    done = run.wait("Interrupted", seconds=20)
    assert not done["status"]["cancel"].get("forced"), "a program ends at SIGTERM by default"
    assert run.processes() == []
    onward = agents.run("writes", "two", thread="t")
    onward.wait("Succeeded")
    assert notes(onward) == "one two"


def test_a_rollback_restores_the_workspace(agents: Namespace) -> None:
    agents.run("writes", "one", thread="t").wait("Succeeded")
    before = agents.store()
    run = start_and_hold(agents, "two")
    run.cancel("rollback")
    run.wait_gone()
    assert run.processes() == []
    after = agents.store()
    assert after.segments("threads/t") == before.segments("threads/t")
    assert run.uid in after.tombstones("threads/t")
    onward = agents.run("writes", "three", thread="t")
    onward.wait("Succeeded")
    assert notes(onward) == "one three"


# At SIGTERM it waits for a while, and then writes some more.
WRITES_LATE = """
import pathlib, signal, sys, time
def stop(*_):
    time.sleep(1)
    pathlib.Path("late").touch()
    sys.exit(0)
signal.signal(signal.SIGTERM, stop)
print('{"event": "begin"}', flush=True)
while True:
    time.sleep(60)
"""


def test_a_rollback_also_removes_what_a_program_writes_as_its_last_act(ns: Namespace) -> None:
    """Failure mode 65."""
    image = deployment.operator_image()
    ns.create(command_agent("writes-late", "python3", "-c", WRITES_LATE, image=image))
    kept, gone = (ns.run("writes-late", thread=name) for name in ("kept", "gone"))
    for run, action in ((kept, "interrupt"), (gone, "rollback")):
        run.wait("Running")
        run.wait_log(event="begin")
        run.cancel(action)
    kept.wait("Interrupted")
    gone.wait_gone()
    store = ns.store()
    assert list(store.root.rglob("late")) == [store.workspace("threads/kept", kept.uid) / "late"]
    assert store.segments("threads/gone") == []


def test_a_program_that_fails_fails_its_run_with_its_exit_code(ns: Namespace) -> None:
    ns.create(command_agent("fails", "sh", "-c", "exit 7"))
    failed = ns.run("fails", thread="t").wait("Failed")
    assert condition(failed, "Finished") == ("True", "AgentFailed")
    assert "exit code 7" in message(failed, "Finished")


def test_a_program_that_fails_in_a_foreign_image_fails_its_run_with_its_exit_code(
    ns: Namespace,
) -> None:
    image = deployment.operator_image()
    ns.create(command_agent("fails", "python3", "-c", "raise SystemExit(7)", image=image))
    failed = ns.run("fails", thread="t").wait("Failed")
    assert condition(failed, "Finished") == ("True", "AgentFailed")
    assert "exit code 7" in message(failed, "Finished")


def test_no_shell_looks_at_the_arguments(ns: Namespace) -> None:
    show = "import json, sys; print(json.dumps({'arguments': sys.argv[1:]}))"
    arguments = ["$HOME", "`id`", "a b", "; touch /tmp/x", "*", ""]
    runtime = {"command": {"command": ["python3", "-c", show], "args": arguments}}
    shows = command_agent("shows", "x")
    shows["spec"]["runtime"] = runtime
    ns.create(shows)
    run = ns.run("shows", thread="t")
    run.wait("Succeeded")
    assert {"arguments": arguments} in run.log()


def test_the_children_of_a_program_end_with_it(ns: Namespace) -> None:
    """Failure mode 20b."""
    script = 'setsid sleep 3600 & sleep 3600 & echo "{\\"event\\": \\"begun\\"}"; wait'
    ns.create(command_agent("forks", "sh", "-c", script))
    run = ns.run("forks", thread="t")
    run.wait("Running")
    run.wait_log(event="begun")
    assert len(run.processes()) >= 3
    run.cancel("interrupt")
    run.wait("Interrupted", seconds=20)
    assert run.processes() == []


def test_a_program_that_is_not_there_is_named_and_has_not_started(ns: Namespace) -> None:
    image = deployment.operator_image()
    ns.create(command_agent("typo", "no-such-program", image=image))
    failed = ns.run("typo", thread="t").wait("Failed")
    assert condition(failed, "Started") == ("False", "NeverStarted")
    assert condition(failed, "Finished") == ("True", "AgentFailed")
    assert "no-such-program" in message(failed, "Finished")
    assert failed["status"].keys().isdisjoint({"startedAt", "lastStartedAt", "attempts"})
