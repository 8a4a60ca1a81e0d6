"""`agentrun-store drop`, `prune` and `prune-stateless`: what they remove, keep and refuse."""

import io
import os
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from agentrun_store import rollback, stops, workspace
from agentrun_store.checkpointer import StoreSaver
from agentrun_store.errors import RunRolledBackError, SegmentBusyError
from agentrun_store.history import Found, History
from agentrun_store.log import HEADER
from agentrun_store.rollback import drop_run
from unit.store.conftest import Tool
from unit.store.support import RUN_A, RUN_B, RUN_C, THREAD, config, content, ids, log_of, put

SAFE = "--no-run-is-live"
OTHER = "dddddddd-0000-4000-8000-000000000004"


def two_runs(root: Path) -> None:
    first = StoreSaver(root, run=RUN_A)
    put(first, "1", "one")
    put(first, "2", "two", parent="1")
    second = StoreSaver(root, run=RUN_B)
    second.put_writes(config("2"), [("value", "written")], "task")
    put(second, "3", "three", parent="2")


def files(root: Path) -> dict[Path, bytes]:
    return {path: path.read_bytes() for path in root.rglob("*") if path.is_file()}


def test_a_dropped_run_leaves_the_same_files_as_a_rolled_back_one(
    tmp_path: Path, tool: Tool
) -> None:
    reference = tmp_path / "reference"
    reference.mkdir()
    for root in (tmp_path, reference):
        two_runs(root)
    drop_run(reference, THREAD, RUN_B)
    typed = tool("drop", "chat", RUN_B, SAFE, "--json")
    assert (typed.code, typed.err) == (0, "")
    assert typed.json == {"thread": THREAD, "run": RUN_B, "removed": 1}
    assert {path.relative_to(reference): data for path, data in files(reference).items()} == {
        path.relative_to(tmp_path): data for path, data in files(tmp_path / "threads").items()
    }
    with pytest.raises(RunRolledBackError):
        put(StoreSaver(tmp_path, run=RUN_B), "4")
    again = tool("drop", "chat", RUN_B, SAFE)
    assert again == (0, f"{THREAD}: 1 checkpoints removed\n", "")


def test_dropping_a_stateless_run_removes_its_directory(tmp_path: Path, tool: Tool) -> None:
    put(StoreSaver(tmp_path, run=RUN_A), "1", thread=f"stateless/{RUN_A}")
    assert tool("drop", f"stateless/{RUN_A}", RUN_A, SAFE).code == 0
    assert list((tmp_path / "stateless").iterdir()) == []


def test_a_damaged_run_can_be_dropped(tmp_path: Path, tool: Tool) -> None:
    two_runs(tmp_path)
    log_of(tmp_path, RUN_B).write_bytes(b"AgentRun log 02\n")
    assert tool("drop", "chat", RUN_B, SAFE).code == 0
    assert tool("check").code == 0
    assert set(content(tmp_path)) == {"1", "2"}


@pytest.mark.parametrize(
    "command", [("drop", "chat", RUN_B), ("prune", "chat", "--keep", "1")], ids=["drop", "prune"]
)
def test_drop_and_prune_change_nothing_without_no_run_is_live(
    command: tuple[str, ...], tmp_path: Path, tool: Tool
) -> None:
    two_runs(tmp_path)
    before = files(tmp_path)
    typed = tool(*command)
    assert (typed.code, typed.out) == (2, "")
    assert "argument --no-run-is-live" in typed.err
    assert "kubectl get agentruns" in typed.err
    assert files(tmp_path) == before


def test_a_live_run_writes_nothing_after_a_prune_or_a_drop(tmp_path: Path, tool: Tool) -> None:
    live = StoreSaver(tmp_path, run=RUN_A)
    put(live, "1")
    put(live, "2")
    tool("prune", "chat", "--keep", "1", SAFE)
    with pytest.raises(SegmentBusyError):
        put(live, "3")
    tool("drop", "chat", RUN_A, SAFE)
    with pytest.raises(RunRolledBackError):
        put(live, "4")
    assert content(tmp_path) == {}


@pytest.mark.parametrize(("keep", "kept"), [(1, ["4", "3"]), (2, ["4", "3", "2"]), (9, None)])
def test_prune_keeps_the_newest_of_each_namespace(
    keep: int, kept: list[str] | None, tmp_path: Path, tool: Tool
) -> None:
    two_runs(tmp_path)
    put(StoreSaver(tmp_path, run=RUN_B), "4", ns="sub:1")
    before = content(tmp_path)
    kept = kept or ["4", "3", "2", "1"]
    typed = tool("prune", "chat", "--keep", str(keep), SAFE, "--json")
    assert (typed.code, typed.err) == (0, "")
    assert typed.json == {"thread": THREAD, "removed": 4 - len(kept), "kept": len(kept)}
    listed = tool("checkpoints", "chat", "--json").json
    assert [row["checkpoint"] for row in listed] == kept
    assert content(tmp_path) == {id_: before[id_] for id_ in before if id_ in kept}
    again = tool("prune", "chat", "--keep", str(keep), SAFE, "--json")
    assert again.json == {"thread": THREAD, "removed": 0, "kept": len(kept)}


def test_prune_reads_a_thread_of_many_namespaces_once(
    tmp_path: Path, tool: Tool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each call of a subgraph has a namespace of its own."""
    saver = StoreSaver(tmp_path, run=RUN_A)
    for number in range(9):
        put(saver, str(number), ns=f"sub:{number}")
    calls, checkpoints = [], History.checkpoints

    def counted(history: History, thread_id: str | None, ns: str | None) -> Iterator[Found]:
        calls.append(ns)
        return checkpoints(history, thread_id, ns)

    monkeypatch.setattr(History, "checkpoints", counted)
    assert tool("prune", "chat", "--keep", "1", SAFE, "--json").json["kept"] == 9
    assert calls == [None]


def test_prune_keeps_the_newest_of_each_thread_id(tmp_path: Path, tool: Tool) -> None:
    """In a pod, which sees one directory, an agent may give LangGraph any thread id."""
    saver = StoreSaver(tmp_path, run=RUN_A, thread_dir_of=lambda _: THREAD)
    for thread in ("chat", "aside"):
        put(saver, f"{thread} 1", thread=thread)
        put(saver, f"{thread} 2", thread=thread)
    assert tool("prune", "chat", "--keep", "1", SAFE).code == 0
    listed = tool("checkpoints", "chat", "--json").json
    assert {row["checkpoint"] for row in listed} == {"chat 2", "aside 2"}


def test_prune_keeps_the_newest_workspaces(tmp_path: Path, tool: Tool) -> None:
    for run in (RUN_A, RUN_B, RUN_C):
        (workspace.prepare(tmp_path, THREAD, run) / run).write_text("made")
    assert tool("prune", "chat", "--keep", "2", SAFE).code == 0
    left = sorted(path.parent.name[7:] for path in tmp_path.glob(f"{THREAD}/segments/*/workspace"))
    assert left == [RUN_B, RUN_C]
    assert list(tmp_path.rglob(".workspace*")) == []
    following = workspace.prepare(tmp_path, THREAD, OTHER)
    assert sorted(path.name for path in following.iterdir()) == [RUN_A, RUN_B, RUN_C]


def test_a_stop_file_hides_nothing_and_a_prune_removes_it(tmp_path: Path, tool: Tool) -> None:
    two_runs(tmp_path)
    before = tool("checkpoints", "chat", "--json").json
    stops.write(*rollback.named(tmp_path, THREAD, RUN_A), 5)
    assert tool("check").code == 0
    assert tool("checkpoints", "chat", "--json").json == before
    assert tool("prune", "chat", "--keep", "9", SAFE).code == 0
    assert list(tmp_path.rglob("stops")) == []


def test_prune_leaves_a_thread_with_damage_as_it_is(tmp_path: Path, tool: Tool) -> None:
    two_runs(tmp_path)
    log = log_of(tmp_path, RUN_B)
    data = bytearray(log.read_bytes())
    data[len(HEADER)] ^= 1
    log.write_bytes(data)
    before = files(tmp_path)
    typed = tool("prune", "chat", "--keep", "1", SAFE)
    assert typed.code == 1
    assert str(log) in typed.err
    assert files(tmp_path) == before


def test_prune_follows_no_link_into_another_thread(tmp_path: Path, tool: Tool) -> None:
    two_runs(tmp_path)
    for number in range(3):
        put(StoreSaver(tmp_path, run=OTHER), str(number), thread="other")
    workspace.prepare(tmp_path, "threads/other", OTHER)
    workspace.prepare(tmp_path, THREAD, RUN_C)
    before = files(tmp_path / "threads" / "other")
    own = tmp_path / THREAD / "segments" / f"000002-{RUN_B}"
    own.rename(tmp_path / "aside")
    own.symlink_to(tmp_path / "threads" / "other" / "segments" / f"000001-{OTHER}")
    typed = tool("prune", "chat", "--keep", "1", SAFE)
    assert typed.code == 1
    assert "symbolic link" in typed.err
    assert files(tmp_path / "threads" / "other") == before
    assert (tmp_path / "threads" / "other" / "segments" / f"000001-{OTHER}" / "workspace").is_dir()


def stateless_runs(root: Path, *uids: str, age: float = 2 * 24 * 3600) -> None:
    then = time.time() - age
    for uid in uids:
        put(StoreSaver(root, run=uid), "1", thread=f"stateless/{uid}")
        own = root / "stateless" / uid
        for path in (own, *own.rglob("*")):
            os.utime(path, (then, then))


def test_stateless_runs_that_no_longer_exist_are_removed(tmp_path: Path, tool: Tool) -> None:
    put(StoreSaver(tmp_path, run=OTHER), "1")
    stateless_runs(tmp_path, RUN_A, RUN_B, RUN_C)
    for path in tmp_path.rglob("*"):
        os.utime(path, (0, 0))  # also the thread, which no list of runs mentions
    (tmp_path / "existing").write_text(f"{RUN_B} {OTHER}\n")
    command = ("prune-stateless", "--existing", str(tmp_path / "existing"), "--json")
    listed = tool(*command, "--dry-run")
    assert (listed.code, listed.err) == (0, "")
    threads = [f"stateless/{RUN_A}", f"stateless/{RUN_C}"]
    assert [(row["thread"], row["state"]) for row in listed.json] == [(t, "left") for t in threads]
    assert all((tmp_path / thread).exists() for thread in threads)

    typed = tool(*command)
    assert (typed.code, typed.err) == (0, "")
    assert typed.json == [row | {"state": "removed"} for row in listed.json]
    assert [path.name for path in (tmp_path / "stateless").iterdir()] == [RUN_B]
    assert ids(StoreSaver(tmp_path)) == ["1"]
    assert tool(*command).json == []


@pytest.mark.timeout(30)  # opening a pipe waits forever
def test_a_stateless_run_that_left_a_pipe_holds_up_no_other(tmp_path: Path, tool: Tool) -> None:
    stateless_runs(tmp_path, RUN_A, RUN_B)
    log = log_of(tmp_path, RUN_A, f"stateless/{RUN_A}")
    log.unlink()
    os.mkfifo(log)
    then = time.time() - 2 * 24 * 3600
    for path in (log, log.parent):
        os.utime(path, (then, then))
    (tmp_path / "existing").write_text(OTHER)
    assert tool("prune-stateless", "--existing", str(tmp_path / "existing")).code == 0
    assert list((tmp_path / "stateless").iterdir()) == []


def test_a_stateless_run_younger_than_a_day_is_kept(tmp_path: Path, tool: Tool) -> None:
    stateless_runs(tmp_path, RUN_A, age=24 * 3600 - 60)
    stateless_runs(tmp_path, RUN_B, age=-3600)  # by a node whose clock is ahead
    (tmp_path / "existing").write_text(OTHER)
    assert tool("prune-stateless", "--existing", str(tmp_path / "existing"), "--json").json == []


def test_a_stateless_run_with_a_recent_change_is_kept(tmp_path: Path, tool: Tool) -> None:
    made = workspace.prepare(tmp_path, f"stateless/{RUN_A}", RUN_A)
    stateless_runs(tmp_path, RUN_A)
    (tmp_path / "existing").write_text(OTHER)
    (made / "file").write_text("now")
    assert tool("prune-stateless", "--existing", str(tmp_path / "existing"), "--json").json == []


@pytest.mark.parametrize(
    ("text", "says"),
    [("", "is empty"), (" \n", "is empty"), ("NAME\nrun-1", "'NAME'"), (None, "cannot be read")],
)
def test_a_list_that_may_be_wrong_removes_nothing(
    text: str | None, says: str, tmp_path: Path, tool: Tool
) -> None:
    stateless_runs(tmp_path, RUN_A)
    if text is not None:
        (tmp_path / "existing").write_text(text)
    typed = tool("prune-stateless", "--existing", str(tmp_path / "existing"))
    assert (typed.code, typed.out) == (2, "")
    assert "argument --existing: " in typed.err
    assert says in typed.err
    assert (tmp_path / "stateless" / RUN_A).exists()


def test_the_list_may_come_from_standard_input(
    tmp_path: Path, tool: Tool, monkeypatch: pytest.MonkeyPatch
) -> None:
    stateless_runs(tmp_path, RUN_A, RUN_B)
    monkeypatch.setattr("sys.stdin", io.StringIO(f"{RUN_B}\n"))
    assert tool("prune-stateless", "--existing", "-").code == 0
    assert [path.name for path in (tmp_path / "stateless").iterdir()] == [RUN_B]


NO_THREADS = ["../chat", "threads/../chat", "threads/", "stateless/x", "", ".", "/etc", "a\nb", "é"]


@pytest.mark.parametrize("thread", NO_THREADS)
@pytest.mark.parametrize(
    "command",
    [
        ("runs",),
        ("checkpoints",),
        ("show",),
        ("check",),
        ("drop", RUN_A, SAFE),
        ("prune", "--keep", "1", SAFE),
    ],
    ids=lambda command: command[0],
)
def test_a_name_that_is_no_thread_reaches_no_file(
    command: tuple[str, ...], thread: str, tmp_path: Path, tool: Tool
) -> None:
    typed = tool(command[0], thread, *command[1:])
    assert (typed.code, typed.out) == (2, "")
    assert f"argument THREAD: {thread!r} is no thread: give its name" in typed.err
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (("runs", "chta"), "argument THREAD: there is no thread threads/chta in "),
        (("check", "chta"), "argument THREAD: there is no thread threads/chta in "),
        (("prune", "chta", "--keep", "1", SAFE), "argument THREAD: there is no thread"),
        (("drop", "chta", RUN_A, SAFE), "argument THREAD: there is no thread"),
        (("drop", "chat", "../x", SAFE), "argument RUN: '../x' is no UID"),
        (("drop", "chat", RUN_C, SAFE), f"argument RUN: there is no run {RUN_C} in {THREAD}"),
        (("checkpoints", "chat", "--run", "x"), "argument --run: 'x' is no UID"),
        (("show", "chat", "9"), "argument CHECKPOINT: there is no checkpoint 9 in"),
        (("prune", "chat", SAFE), "the following arguments are required: --keep"),
        (("prune", "chat", "--keep", "0", SAFE), "argument --keep: '0' must be a whole number"),
        (("prune", "chat", "--keep", "-1", SAFE), "argument --keep"),
        (("prune", "chat", "--keep", "all", SAFE), "argument --keep: 'all' must be"),
        (("--store", "/nowhere", "threads"), "argument --store: there is no directory /nowhere"),
        ((), "required: COMMAND"),
        (("erase",), "argument COMMAND: invalid choice: 'erase'"),
    ],
)
def test_a_wrong_argument_is_named_and_nothing_changes(
    arguments: tuple[str, ...], says: str, tmp_path: Path, tool: Tool
) -> None:
    two_runs(tmp_path)
    before = files(tmp_path)
    typed = tool(*arguments)
    assert (typed.code, typed.out) == (2, "")
    assert says in typed.err
    assert files(tmp_path) == before
