"""One saver, used by several threads and by an event loop at the same time."""

import asyncio
import gc
import os
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from langgraph.checkpoint.serde.jsonplus import JsonPlusSerializer

from agentrun_store.checkpointer import StoreSaver
from unit.store.support import RUN_A, checkpoint, config, content, ids, newest_id, put


@pytest.mark.parametrize("run", [RUN_A, None])
def test_threads_write_and_read_one_saver(run: str | None, tmp_path: Path) -> None:
    saver = StoreSaver(tmp_path, run=run)

    def work(thread: int) -> None:
        for number in range(20):
            checkpoint_id = f"{thread}-{number:02}"
            put(saver, checkpoint_id, checkpoint_id, ns=f"task:{thread}")
            where = config(checkpoint_id, ns=f"task:{thread}")
            saver.put_writes(where, [("value", number)], "task")
            assert newest_id(saver, ns=f"task:{thread}") == checkpoint_id
            assert len(list(saver.list(config(ns=f"task:{thread}")))) == number + 1

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(work, range(8)))
    found = list(StoreSaver(tmp_path).list(None))
    assert len(found) == 160
    for one in found:
        assert one.checkpoint["channel_values"] == {"value": one.checkpoint["id"]}
        assert one.pending_writes == [("task", "value", int(one.checkpoint["id"][2:]))]


async def test_the_event_loop_runs_while_a_put_waits_for_the_disk(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    disk_waits, loop_ran = threading.Event(), threading.Event()
    saver = StoreSaver(tmp_path, run=RUN_A)
    sync = os.fdatasync

    def slow_sync(fd: int) -> None:
        disk_waits.set()
        assert loop_ran.wait(10), "the event loop waits for the disk too"
        sync(fd)

    monkeypatch.setattr(os, "fdatasync", slow_sync)
    writing = asyncio.create_task(saver.aput(config(), checkpoint("1"), {}, {}))
    while not disk_waits.is_set():  # noqa: ASYNC110 - the other side is no coroutine
        await asyncio.sleep(0)
    loop_ran.set()
    await writing
    assert newest_id(saver) == "1"


async def test_a_cancelled_put_is_stored_whole_or_not_at_all(tmp_path: Path) -> None:
    saver = StoreSaver(tmp_path, run=RUN_A)
    for number in range(30):
        task = asyncio.create_task(saver.aput(config(), checkpoint(f"{number:02}", number), {}, {}))
        for _ in range(number % 5):
            await asyncio.sleep(0)
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
    await saver.aput(config(), checkpoint("end"), {}, {})
    stored = content(tmp_path)
    assert "end" in stored
    assert all(values == {"value": int(id_)} for id_, (values, _) in stored.items() if id_ != "end")


def test_a_listing_is_not_changed_by_later_writes(tmp_path: Path) -> None:
    saver = StoreSaver(tmp_path, run=RUN_A)
    for number in range(5):
        put(saver, str(number))
    listing = saver.list(config())
    first = next(listing).checkpoint["id"]
    put(saver, "5")
    assert [first, *(found.checkpoint["id"] for found in listing)] == ["4", "3", "2", "1", "0"]
    assert ids(saver)[0] == "5"


def test_collected_savers_leave_no_files_open(tmp_path: Path) -> None:
    gc.collect()  # savers of other tests must not be collected meanwhile
    before = len(list(Path("/proc/self/fd").iterdir()))
    for number in range(20):
        put(StoreSaver(tmp_path), str(number), thread=f"thread-{number}")
    assert len(list(Path("/proc/self/fd").iterdir())) == before


def test_a_derived_serializer_shares_the_one_writer(tmp_path: Path) -> None:
    """LangGraph derives savers with an allow-list; two writers of one segment would collide."""
    strict = JsonPlusSerializer(allowed_msgpack_modules=None)
    saver = StoreSaver(tmp_path, run=RUN_A, serde=strict)
    put(saver, "1")
    derived = saver.with_allowlist([("agents", "State")])
    assert isinstance(derived, StoreSaver)
    assert derived is not saver
    put(derived, "2")
    put(saver, "3")
    assert ids(derived) == ["3", "2", "1"]
