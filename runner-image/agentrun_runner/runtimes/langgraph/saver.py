"""The run's checkpointer."""

import asyncio
from collections.abc import Callable, Collection, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import Any, TypeVar

from langchain_core.runnables import RunnableConfig
from langgraph.checkpoint.base import (
    WRITES_IDX_MAP,
)
from langgraph.checkpoint.serde.types import ERROR

from agentrun_store.checkpointer import StoreSaver
from agentrun_store.names import RunName
from agentrun_store.records import split_writes
from agentrun_store.run_thread import RunThread

from .declared import DeclaredTypes, TypeName
from .serde import StrictSerializer, type_names

_T = TypeVar("_T")

Writes = Sequence[tuple[str, Any]]


class RunSaver(StoreSaver):
    """Reads and writes for a running graph, in one OS thread of its own.

    WHY: the loop's executor uses the main thread, where SIGTERM would interrupt a write, and where
    the nodes have to run: only there can a signal interrupt their blocking calls.
    """

    def __init__(
        self, thread: RunThread, declared: DeclaredTypes, without: Collection[RunName]
    ) -> None:
        super().__init__(
            thread.root,
            serde=StrictSerializer(
                thread.thread.name, declared.declares, partial(_types_stored_in, thread)
            ),
            run=thread.run,
            without=without,
            thread_dir_of=lambda _: thread.thread.name,
        )
        self._thread = ThreadPoolExecutor(max_workers=1, thread_name_prefix="store")

    def put_writes(
        self, config: RunnableConfig, writes: Writes, task_id: str, task_path: str = ""
    ) -> None:
        super().put_writes(config, _of_the_task(writes), task_id, task_path)

    async def _in_thread(self, call: Callable[[], _T]) -> _T:
        return await asyncio.get_running_loop().run_in_executor(self._thread, call)


def _of_the_task(writes: Writes) -> Writes:
    """The writes of a task; of a failed one only its error and the answers that it got.

    A node whose edge fails has written already. LangGraph would store these writes too, consider
    the task finished in a retry, and end the graph there.
    """
    writes = list(writes)
    failed = next((n for n, (channel, _) in enumerate(writes) if channel == ERROR), len(writes))
    if failed == len(writes):
        return writes
    return [*(w for w in writes[:failed] if w[0] in WRITES_IDX_MAP), *writes[failed:]]


def _types_stored_in(thread: RunThread) -> set[TypeName]:
    """The types in the run's own segment, which no other run's pods can write."""
    found: set[TypeName] = set()
    for segment in thread.own():
        for by_id in segment.index.checkpoints.values():
            for record in by_id.values():
                found |= type_names((record.meta["type"], segment.payload(record)))
        for records in segment.index.writes.values():
            for record in records:
                for write in split_writes(record.meta, segment.payload(record)):
                    found |= type_names((write.type, write.value))
    return found


class OlderRuns(RunSaver):
    """Reads the thread as it was before the run's first attempt."""

    def __init__(
        self, thread: RunThread, declared: DeclaredTypes, without: Collection[RunName]
    ) -> None:
        super().__init__(thread, declared, {*without, thread.run})
