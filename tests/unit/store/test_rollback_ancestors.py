"""Rolling back an older run whose writes the DeltaChannels of later runs are rebuilt from."""

import shutil
from contextlib import suppress
from itertools import permutations
from pathlib import Path
from typing import Any

import pytest

from agentrun_store import disk
from agentrun_store.checkpointer import StoreSaver
from agentrun_store.errors import RunRolledBackError
from agentrun_store.rollback import drop, drop_run
from agentrun_store.thread import Thread
from unit.store.conftest import Tool
from unit.store.faults import FAULTS, Fault, KilledError, faulty
from unit.store.graphs import CHAT, delta_run, delta_runs, of_runs, pod, state, states
from unit.store.support import RUN_A, RUN_B, RUN_C, THREAD, content, put


def kept(root: Path) -> list[str]:
    return sorted(path.name for path in (root / THREAD / "segments").glob("kept-*"))


def files(root: Path) -> dict[Path, bytes]:
    return {p.relative_to(root): p.read_bytes() for p in root.rglob("*") if p.is_file()}


@pytest.mark.parametrize("rounds", range(2, 7))
def test_reclaiming_an_older_run_removes_nothing_that_a_later_one_needs(
    rounds: int, tmp_path: Path
) -> None:
    """Failure mode 29."""
    graph = delta_runs(tmp_path, rounds)
    before = state(graph, StoreSaver(tmp_path))
    assert drop(tmp_path, THREAD, delta_run(rounds - 2)) > 0
    assert state(graph, StoreSaver(tmp_path)) == before
    more = graph.compile(checkpointer=pod(tmp_path, RUN_B)).invoke({"log": ["more"]}, CHAT)
    assert more["log"][: 2 * rounds] == before["log"]


@pytest.mark.parametrize("order", list(permutations(range(4))))
def test_after_reclaims_in_any_order_all_states_of_the_other_runs_stay(
    order: tuple[int, ...], tmp_path: Path
) -> None:
    """Failure mode 29."""
    graph = delta_runs(tmp_path, 5)
    before = states(graph, tmp_path)
    left = {0, 1, 2, 3, 4}
    for number in order:
        theirs = of_runs(tmp_path, *left - {number})
        count = drop_run(tmp_path, THREAD, delta_run(number))
        left.remove(number)
        assert states(graph, tmp_path) == {id_: before[id_] for id_ in theirs}
        done = files(tmp_path)
        assert drop_run(tmp_path, THREAD, delta_run(number)) == count
        assert files(tmp_path) == done
    drop_run(tmp_path, THREAD, delta_run(4))
    assert list((tmp_path / THREAD / "segments").iterdir()) == []


def test_the_next_rollback_removes_what_no_later_run_needs_any_more(tmp_path: Path) -> None:
    """Failure mode 35."""
    graph = delta_runs(tmp_path, 9)
    before = state(graph, StoreSaver(tmp_path))
    sizes = []
    for number in range(8):
        drop_run(tmp_path, THREAD, delta_run(number))
        sizes.append(len(kept(tmp_path)))
    assert max(sizes) == 2, "a snapshot is never further away"
    assert state(graph, StoreSaver(tmp_path)) == before


def test_a_kept_segment_is_in_no_list_and_cannot_be_written(tmp_path: Path, tool: Tool) -> None:
    """Failure mode 65."""
    graph = delta_runs(tmp_path, 3)
    theirs = of_runs(tmp_path, 0, 2)
    zombie = pod(tmp_path, delta_run(1))
    drop_run(tmp_path, THREAD, delta_run(1))
    assert kept(tmp_path) == [f"kept-000002-{delta_run(1)}"]
    assert set(content(tmp_path)) == theirs
    listed = tool("checkpoints", "chat", "--json").json
    assert {row["checkpoint"] for row in listed} == theirs
    before = files(tmp_path)
    with pytest.raises(RunRolledBackError):
        put(zombie, "9")
    assert files(tmp_path) == before
    drop_run(tmp_path, THREAD, delta_run(2))
    assert state(graph, StoreSaver(tmp_path))["log"] == ["input 0", "step 1"]
    assert kept(tmp_path) == []


def test_a_zombie_that_sees_no_tombstone_adds_nothing_to_what_is_kept(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Failure mode 65."""
    graph = delta_runs(tmp_path, 3)
    drop_run(tmp_path, THREAD, delta_run(1))
    before = states(graph, tmp_path)
    with monkeypatch.context() as late:
        late.setattr(Thread, "refuse_rolled_back", lambda *_: None)
        zombie = graph.compile(checkpointer=pod(tmp_path, delta_run(1)))
        zombie.invoke({"log": ["from the dead"]}, CHAT)
    assert states(graph, tmp_path) == before


def test_the_rollback_of_the_newest_run_reads_no_other(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    delta_runs(tmp_path, 4)
    drop_run(tmp_path, THREAD, delta_run(1))
    assert kept(tmp_path) != []
    read, real = [], disk.open_regular

    def counted(path: Path, *flags: int) -> int:
        read.append(path.parent.name)
        return real(path, *flags)

    monkeypatch.setattr(disk, "open_regular", counted)
    drop_run(tmp_path, THREAD, delta_run(3))
    assert {name for name in read if name != "tombstones"} == {f"000004-{delta_run(3)}"}


def test_without_a_delta_channel_nothing_is_kept(tmp_path: Path) -> None:
    """Failure mode 30."""
    put(StoreSaver(tmp_path, run=RUN_A), "1")
    put(StoreSaver(tmp_path, run=RUN_B), "2", parent="1")
    put(StoreSaver(tmp_path, run=RUN_C), "3", parent="2")
    drop_run(tmp_path, THREAD, RUN_B)
    assert set(content(tmp_path)) == {"1", "3"}
    assert kept(tmp_path) == []


def test_a_reader_that_knew_the_run_reads_the_same_after_its_rollback(tmp_path: Path) -> None:
    """Failure mode 29."""
    graph = delta_runs(tmp_path, 3)
    reader = pod(tmp_path, delta_run(2))
    before = state(graph, reader)
    drop_run(tmp_path, THREAD, delta_run(1))
    assert state(graph, reader) == before


@pytest.mark.parametrize("rounds", [3, 5])
def test_a_prune_and_a_copy_preserve_what_is_kept(rounds: int, tmp_path: Path, tool: Tool) -> None:
    graph = delta_runs(tmp_path, rounds)
    before = state(graph, StoreSaver(tmp_path))
    for number in range(rounds - 1):
        drop_run(tmp_path, THREAD, delta_run(number))
    saver = StoreSaver(tmp_path)
    saver.copy_thread("chat", "copy")
    copy: Any = {"configurable": {"thread_id": "copy"}}
    assert graph.compile(checkpointer=saver).get_state(copy).values == before
    listed = {one.checkpoint["id"] for one in saver.list(copy)}
    assert listed == of_runs(tmp_path, rounds - 1)

    pruned = tool("prune", "chat", "--keep", "1", "--no-run-is-live", "--json").json
    assert pruned["removed"] + pruned["kept"] == len(listed)
    assert state(graph, StoreSaver(tmp_path)) == before
    saver.prune(["chat"], strategy="delete")
    assert list((tmp_path / THREAD).iterdir()) == [tmp_path / THREAD / "tombstones"]


@pytest.mark.parametrize("fault", FAULTS)
def test_a_reclaim_that_is_cut_anywhere_removes_nothing_that_a_later_run_needs(
    fault: Fault, tmp_path: Path
) -> None:
    """Failure mode 32."""
    start, reference = tmp_path / "start", tmp_path / "reference"
    start.mkdir()
    graph = delta_runs(start, 3)
    drop_run(start, THREAD, delta_run(0))  # the next rollback reduces its kept data
    before = state(graph, StoreSaver(start))
    shutil.copytree(start, reference)
    with faulty() as whole:
        count = drop_run(reference, THREAD, delta_run(1))
    assert whole.unsynced == {}
    for call in range(len(whole.calls)):
        root = tmp_path / str(call)
        shutil.copytree(start, root)
        with faulty(fault, call) as disk, suppress(KilledError, OSError):
            drop_run(root, THREAD, delta_run(1))
        where = f"{fault} at call {call}, {disk.calls[call]}"
        assert state(graph, StoreSaver(root)) == before, where
        assert drop_run(root, THREAD, delta_run(1)) == count, where
        assert state(graph, StoreSaver(root)) == before, where
        assert set(content(root)) == set(content(reference)), where
        assert list(root.rglob(".*")) == [], f"{where}: leftovers"
