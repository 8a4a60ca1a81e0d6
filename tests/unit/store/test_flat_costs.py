"""The cost of a thread does not grow with its history: the same number of file operations.

One of them lists the directory of the segments; only the length of this list grows.
"""

from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from langgraph.checkpoint.serde.jsonplus import JsonPlusSerializer

from agentrun_store import workspace
from agentrun_store.checkpointer import StoreSaver
from agentrun_store.log import Entry
from agentrun_store.names import check_run
from agentrun_store.records import checkpoint_entry
from agentrun_store.rollback import drop_run
from agentrun_store.summary import summary
from agentrun_store.thread import Store, Tombstone
from unit.store.operations import counted
from unit.store.support import RUN_A, RUN_B, RUN_C, THREAD, checkpoint, config, newest_id, put

Made = Callable[[Path, int], None]
Acts = dict[str, Counter[str]]

pytestmark = pytest.mark.usefixtures("fast_disk")


def uid(number: int) -> str:
    return f"00000000-0000-4000-8000-{number:012d}"


STATE = JsonPlusSerializer().dumps_typed(checkpoint("1", "text"))


def checkpoints(root: Path, count: int) -> None:
    """One run with `count` checkpoints, each tenth a subgraph's."""

    def entries() -> Iterator[Entry]:
        for number in range(count):
            ns = "subgraph" if number % 10 == 9 else ""
            entry = checkpoint_entry(
                thread_id="chat",
                ns=ns,
                checkpoint_id=f"{number:012d}",
                parent_id=f"{number - 1:012d}",
                metadata={"source": "loop", "step": number, "parents": {}},
                typed=STATE,
            )
            yield entry._replace(meta={**entry.meta, "attempt": 1})

    thread = Store(root).thread(THREAD)
    thread.segment(1, check_run(RUN_A)).rewrite(entries())
    put(StoreSaver(root, run=RUN_A), f"{count:012d}")


def runs(root: Path, count: int) -> None:
    """`count` runs with a checkpoint and a workspace each."""
    thread = Store(root).thread(THREAD)
    for number in range(1, count + 1):
        segment = thread.segment(number, check_run(uid(number)))
        segment.workspace.mkdir(parents=True)
        entry = checkpoint_entry(
            thread_id="chat",
            ns="",
            checkpoint_id=f"{number:012d}",
            parent_id=None,
            metadata={},
            typed=STATE,
        )
        segment.rewrite([entry._replace(meta={**entry.meta, "attempt": 1})])


def rolled_back(root: Path, count: int) -> None:
    """One run that counts, after `count` runs that were rolled back."""
    thread = Store(root).thread(THREAD)
    for number in range(1, count + 1):
        thread.bury(check_run(uid(number)), Tombstone(1, number))
    put(StoreSaver(root, run=RUN_A), "1")


def acts(root: Path) -> Acts:
    """The file operations of a run's life on a thread."""
    found: Acts = {}
    saver = StoreSaver(root, run=RUN_B)
    with counted() as found["read the newest state"]:
        assert saver.get_tuple(config()) is not None
    with counted() as found["the first put"]:
        put(saver, "9")
    with counted() as found["a later put"]:
        put(saver, "91")
    with counted() as found["the writes of a task"]:
        saver.put_writes(config("91"), [("value", 1)], "task")
    with counted() as found["make the workspace"]:
        workspace.prepare(root, THREAD, RUN_B)
    with counted() as found["the summary"]:
        assert summary(root, THREAD, RUN_B) == ("91", 2)
    retry = StoreSaver(root, run=RUN_B)
    with counted() as found["read the newest state in a retry"]:
        assert newest_id(retry) == "91"
    with counted() as found["the first put of a retry"]:
        put(retry, "92")
    with counted() as found["roll back"]:
        assert drop_run(root, THREAD, RUN_B) == 3
    with counted() as found["roll back once more"]:
        assert drop_run(root, THREAD, RUN_B) == 3
    with counted() as found["roll back a run that has left nothing"]:
        assert drop_run(root, THREAD, RUN_C) == 0
    return found


def assert_same(few: Acts, many: Acts) -> None:
    """Equal but for up to two reads: a record may lie across the end of one read."""
    for act in few:
        assert abs(few[act].pop("pread", 0) - many[act].pop("pread", 0)) <= 2, act
        assert few[act] == many[act], act


@pytest.mark.parametrize(
    ("made", "few", "many"), [(checkpoints, 1000, 10_000), (runs, 2, 500), (rolled_back, 20, 500)]
)
def test_a_thread_costs_the_same_whatever_its_history(
    made: Made, few: int, many: int, tmp_path: Path
) -> None:
    found = []
    for count in (few, many):
        root = tmp_path / str(count)
        root.mkdir()
        made(root, count)
        found.append(acts(root))
    assert_same(*found)
    for act, operations in found[0].items():
        assert operations.total() < 130, f"{act}: {operations}"


def test_a_retry_after_any_number_of_checkpoints_costs_the_same(tmp_path: Path) -> None:
    found: list[Acts] = []
    for count in (1000, 10_000):
        root = tmp_path / str(count)
        root.mkdir()
        checkpoints(root, count)
        its: Acts = {}
        saver = StoreSaver(root, run=RUN_A)
        with counted() as its["read the newest state"]:
            assert newest_id(saver) == f"{count:012d}"
        with counted() as its["put"]:
            put(saver, f"{count + 1:012d}")
        with counted() as its["summary"]:
            assert summary(root, THREAD, RUN_A) == (f"{count + 1:012d}", count + 2)
        with counted() as its["roll back"]:
            assert drop_run(root, THREAD, RUN_A) == count + 2
        found.append(its)
    assert_same(*found)
