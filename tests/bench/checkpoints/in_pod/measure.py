"""Runs in a pod of the runner image, on the store's volume. Prints JSON lines: what is measured.

The sides take turns in short blocks, so that a busy moment of the machine hits both.
"""

import json
import os
import platform
import secrets
import shutil
import sqlite3
import time
import uuid
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path

from langchain_core.runnables import RunnableConfig
from langgraph.checkpoint.base import empty_checkpoint

from agentrun_store.rollback import drop_run
from bench.checkpoints.in_pod.sides import Ours, Saver, Side, Sqlite

ROOT = Path("/agentrun/store/bench-checkpoints")
STATE_BYTES = (1_000, 50_000)
OLDER = (10, 1_000, 10_000)
PUTS = 500
BLOCK = 25  # puts of one side before the other's turn
GETS = 20
THREAD = "bench"
CONFIG: RunnableConfig = {"configurable": {"thread_id": THREAD, "checkpoint_ns": ""}}


class Writer:
    """Puts one checkpoint after the other, each the child of the one before."""

    def __init__(self, saver: Saver, state: str) -> None:
        self._saver, self._state, self._config, self._step = saver, state, CONFIG, 0

    def put(self) -> None:
        checkpoint = empty_checkpoint()
        checkpoint["channel_values"] = {"state": self._state}
        self._step += 1
        metadata = {"source": "loop", "step": self._step, "parents": {}}
        self._config = self._saver.put(self._config, checkpoint, metadata, {})  # type: ignore[arg-type]


def main() -> None:
    try:
        _say(facts=_facts())
        for state_bytes in STATE_BYTES:
            for older in OLDER:
                _clear()
                for row in _measure(state_bytes, older):
                    _say(state=state_bytes, older=older, **row)
    finally:
        _clear()


def _measure(state_bytes: int, older: int) -> list[dict[str, object]]:
    ours, sqlite = Ours(ROOT), Sqlite(ROOT)
    sides: list[Side] = [ours, sqlite]
    state = secrets.token_hex(state_bytes // 2)
    for side in sides:
        with side.filling(_uid()) as saver:
            writer = Writer(saver, state)
            for _ in range(older):
                writer.put()
    os.sync()
    rows = [row for side in sides for row in _gets(side)]
    run = _uid()
    with ExitStack() as stack:
        writers = {s.name: Writer(stack.enter_context(s.opened(run)), state) for s in sides}
        times: dict[str, list[float]] = {name: [] for name in writers}
        for _ in range(PUTS // BLOCK):
            for name, writer in writers.items():
                times[name] += _seconds(BLOCK, writer.put)
    rows += [_row("put", name, seconds) for name, seconds in times.items()]
    dropped = _seconds(1, lambda: drop_run(ours.root, f"threads/{THREAD}", run))
    return [*rows, _row("drop", ours.name, dropped)]


def _gets(side: Side) -> list[dict[str, object]]:
    """Of the newest state: as a run does first, and once more."""

    def get(saver: Saver) -> None:
        assert saver.get_tuple(CONFIG) is not None

    def open_and_get() -> None:
        with side.opened(_uid()) as saver:
            get(saver)

    first = _row("get", side.name, _seconds(GETS, open_and_get))
    with side.opened(_uid()) as saver:
        get(saver)
        again = _row("get again", side.name, _seconds(GETS, lambda: get(saver)))
    return [first, again]


def _seconds(times: int, call: Callable[[], object]) -> list[float]:
    seconds = []
    for _ in range(times):
        began = time.perf_counter()
        call()
        seconds.append(time.perf_counter() - began)
    return seconds


def _facts() -> dict[str, str]:
    _clear()
    pragmas = Sqlite(ROOT).pragmas()
    plain = sorted(_plain_syncs())
    return {
        "Python": platform.python_version(),
        "SQLite": f"{sqlite3.sqlite_version}, {pragmas}",
        "file system": _file_system(),
        "append of 1 KB to a file, and fdatasync": f"{plain[len(plain) // 2] * 1000:.2f} ms",
    }


def _plain_syncs() -> list[float]:
    """What the disk takes by itself."""
    with (ROOT / "plain").open("wb", buffering=0) as file:

        def append() -> None:
            file.write(bytes(1000))
            os.fdatasync(file.fileno())

        return _seconds(PUTS, append)


def _file_system() -> str:
    """The type of the longest mount point above the store."""
    mounts = [line.split() for line in Path("/proc/mounts").read_text().splitlines()]
    above = [(where, kind) for _, where, kind, *_ in mounts if ROOT.is_relative_to(where)]
    return max(above, key=lambda mount: len(mount[0]))[1]


def _row(what: str, side: str, seconds: list[float]) -> dict[str, object]:
    return {"what": what, "side": side, "seconds": seconds}


def _uid() -> str:
    return str(uuid.uuid4())


def _clear() -> None:
    if ROOT.exists():
        shutil.rmtree(ROOT)
    ROOT.mkdir()


def _say(**line: object) -> None:
    print(json.dumps(line), flush=True)


if __name__ == "__main__":
    main()
