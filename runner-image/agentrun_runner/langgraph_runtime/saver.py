"""The run's checkpointer."""

import asyncio
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import Any, TypeVar

from langchain_core.runnables import RunnableConfig
from langgraph.checkpoint.base import (
    WRITES_IDX_MAP,
    ChannelVersions,
    Checkpoint,
    CheckpointMetadata,
    CheckpointTuple,
    DeltaChannelHistory,
)
from langgraph.checkpoint.serde.types import ERROR

from agentrun_store.checkpointer import StoreSaver
from agentrun_store.names import check_run
from agentrun_store.records import split_writes
from agentrun_store.thread import Store

from .. import runfile
from .declared import DeclaredTypes, TypeName
from .fork import hidden_runs
from .serde import StrictSerializer, type_names

_T = TypeVar("_T")

Writes = Sequence[tuple[str, Any]]


class RunSaver(StoreSaver):
    """Does what a running graph asks for in a thread of its own.

    WHY: in the loop's executor it would take the main thread, where SIGTERM would cut a write in
    two, and from where it would drive the nodes, which only there can be got out of a call.
    """

    def __init__(self, run: runfile.Run, declared: DeclaredTypes) -> None:
        super().__init__(
            runfile.STORE,
            serde=StrictSerializer(run.thread, declared.declares, partial(_types_stored_by, run)),
            run=run.uid,
            without=hidden_runs(run),
            thread_dir_of=lambda _: run.thread,
        )
        self._thread = ThreadPoolExecutor(max_workers=1, thread_name_prefix="store")

    async def aget_tuple(self, config: RunnableConfig) -> CheckpointTuple | None:
        return await self._in_thread(partial(self.get_tuple, config))

    async def aput(
        self,
        config: RunnableConfig,
        checkpoint: Checkpoint,
        metadata: CheckpointMetadata,
        new_versions: ChannelVersions,
    ) -> RunnableConfig:
        return await self._in_thread(partial(self.put, config, checkpoint, metadata, new_versions))

    async def aput_writes(
        self,
        config: RunnableConfig,
        writes: Writes,
        task_id: str,
        task_path: str = "",
    ) -> None:
        await self._in_thread(partial(self.put_writes, config, writes, task_id, task_path))

    def put_writes(
        self, config: RunnableConfig, writes: Writes, task_id: str, task_path: str = ""
    ) -> None:
        super().put_writes(config, _of_the_task(writes), task_id, task_path)

    async def aget_delta_channel_history(
        self, *, config: RunnableConfig, channels: Sequence[str]
    ) -> Mapping[str, DeltaChannelHistory]:
        return await self._in_thread(
            partial(self.get_delta_channel_history, config=config, channels=channels)
        )

    async def _in_thread(self, call: Callable[[], _T]) -> _T:
        return await asyncio.get_running_loop().run_in_executor(self._thread, call)


def _of_the_task(writes: Writes) -> Writes:
    """Of a task that has failed, no more than that, and the answers that it got.

    A node whose edge fails has written already. LangGraph would store that as well, take the task
    for finished at the next try, and end the graph there.
    """
    writes = list(writes)
    failed = next((n for n, (channel, _) in enumerate(writes) if channel == ERROR), len(writes))
    if failed == len(writes):
        return writes
    return [*(w for w in writes[:failed] if w[0] in WRITES_IDX_MAP), *writes[failed:]]


def _types_stored_by(run: runfile.Run) -> set[TypeName]:
    """The types of what is in the run's own segment, which the pods of no other run can write."""
    found: set[TypeName] = set()
    thread = Store(runfile.STORE).thread(run.thread)
    for segment in thread.own(check_run(run.uid)):
        for by_id in segment.index.checkpoints.values():
            for record in by_id.values():
                found |= type_names((record.meta["type"], segment.payload(record)))
        for records in segment.index.writes.values():
            for record in records:
                for write in split_writes(record.meta, segment.payload(record)):
                    found |= type_names((write.type, write.value))
    return found


class OlderRuns(RunSaver):
    """The thread as the run found it, however often the run has been tried."""

    def __init__(self, run: runfile.Run, declared: DeclaredTypes) -> None:
        super().__init__(run, declared)
        self._without |= {check_run(run.uid)}
