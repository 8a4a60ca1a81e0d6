"""An agent that damages all that it can reach: other data is unchanged, its own is removed."""

from pathlib import Path

from .namespace import Namespace, command_agent
from .run import Run
from .store import StoreCopy

HOWS = ("locked", "pipe", "sparse")

# Its attacks: on its workspace, which is in its segment, and on all that it sees of the thread.
VANDAL = """
import json, os, pathlib, time
workspace = pathlib.Path(os.environ["AGENTRUN_WORKSPACE"])
others = [path for path in workspace.parent.parent.iterdir() if path != workspace.parent]
managed = []
for path in others:
    for attack in (
        lambda: (path / "workspace" / "notes").write_text("forged"),
        lambda: (path / "workspace").rename(path / "gone"),
        lambda: (path / "workspace").chmod(0),
        lambda: path.rename(path.with_name("gone")),
    ):
        try:
            attack()
        except OSError:
            continue
        managed.append(path.name)
(workspace / "notes").chmod(0)
os.mkfifo(workspace / "pipe")
workspace.chmod(0)
print(json.dumps({"event": "vandalised", "managed": managed}), flush=True)
time.sleep(600)
"""
NOTES = "import pathlib; path = pathlib.Path('notes'); path.touch(); print(path.read_text())"
WRITE_NOTES = "import pathlib; pathlib.Path('notes').write_text('mine')"


def test_a_vandals_rollback_leaves_its_thread_and_all_others_as_they_were(ns: Namespace) -> None:
    python = ("python3", "-c")
    ns.create(
        command_agent("writes-notes", *python, WRITE_NOTES),
        command_agent("vandal-command", *python, VANDAL),
    )
    threads = [*HOWS, "other"]
    older = [ns.run("steps", thread=thread, input={"steps": 2}) for thread in threads]
    older.append(ns.run("writes-notes", thread="files"))
    for run in older:
        run.wait("Succeeded")
    before = contents(ns.store())

    honest = ns.held_run(thread="other")
    written = len(ns.store().checkpoints_of("threads/other", honest.uid))
    vandals = [ns.run("vandal", thread=how, input={"how": how}) for how in HOWS]
    vandals.append(ns.run("vandal-command", thread="files"))
    for run in vandals:
        run.wait("Running")
        assert run.wait_log(event="vandalised")["managed"] == []
    for run in (*vandals, honest):
        run.cancel("rollback")
    for run in (*vandals, honest):
        run.wait_gone()
        assert run.processes() == []

    store = ns.store()
    assert contents(store) == before
    for run in (*vandals, honest):
        assert store.tombstones(f"threads/{run.thread}") == {run.uid}
    assert f"{written} checkpoints deleted" in rolled_back(honest)
    for thread in threads:
        onward = ns.run("steps", thread=thread, input={"steps": 3})
        assert onward.wait("Succeeded")["status"]["output"]["done"] == [1, 2, 3]


def test_an_interrupted_vandal_leaves_its_thread_usable(ns: Namespace) -> None:
    """The next run's workspace lacks the files that it locked; the log names them."""
    ns.create(
        command_agent("writes-notes", "python3", "-c", WRITE_NOTES),
        command_agent("vandal-command", "python3", "-c", VANDAL),
        command_agent("reads-notes", "python3", "-c", NOTES),
    )
    ns.run("writes-notes", thread="files").wait("Succeeded")
    vandal = ns.run("vandal-command", thread="files")
    vandal.wait("Running")
    vandal.wait_log(event="vandalised")
    vandal.cancel("interrupt")
    vandal.wait("Interrupted")
    ns.run("reads-notes", thread="files").wait("Succeeded")


def contents(store: StoreCopy) -> dict[str, tuple[int, bytes]]:
    """Mode and bytes of every file of every thread, without the tombstones."""
    root = store.root
    files = [path for path in root.rglob("*") if path.is_file() and "tombstones" not in path.parts]
    return {str(path.relative_to(root)): (mode(path), path.read_bytes()) for path in files}


def mode(path: Path) -> int:
    return path.stat().st_mode


def rolled_back(run: Run) -> str:
    """The message of the Event RolledBack."""
    return next(text for reason, text in run.events(until="RolledBack") if reason == "RolledBack")
