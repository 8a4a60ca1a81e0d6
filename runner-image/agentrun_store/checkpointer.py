"""The LangGraph checkpointer on the store."""

import json
import threading
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from langchain_core.runnables import RunnableConfig
from langgraph.checkpoint.base import (
    WRITES_IDX_MAP,
    ChannelVersions,
    Checkpoint,
    CheckpointMetadata,
    CheckpointTuple,
    DeltaChannelHistory,
    get_checkpoint_id,
    get_checkpoint_metadata,
)
from langgraph.checkpoint.serde.base import SerializerProtocol

from . import maintenance
from .async_in_threads import AsyncInThreads
from .decoding import address_of, checkpoint_tuple, config_of
from .errors import StoreError
from .history import Found, History
from .log import Entry
from .names import RunName, check_run, run_name
from .records import Write, checkpoint_entry, writes_entry
from .rollback import bury_run
from .thread import Store


class StoreSaver(AsyncInThreads):
    """Checkpoints in the store. One instance may be used by several threads and event loops.

    With `run`, an AgentRun's UID, it is the checkpointer of that run's pod: it writes to the run's
    own segment only, so that a rollback removes all of it; it reads the segments of older runs
    once, and never changes them. It ignores the runs in `without`: a fork leaves their line, and
    the checkpoints that it puts list them.

    Without `run`, it is for tools and tests, while no run of the thread is live: it writes to the
    segment of the `run_id` in the metadata, or to that of no run, and each call sees the writes of
    other processes.

    `thread_dir_of` names the directory (`threads/<name>`) of a LangGraph `thread_id`. In a pod,
    which sees one thread's directory, it is a constant; the saver still keeps thread ids apart.
    The default finds the directories that pods use: see `Store.directory_of`.

    Raises CorruptSegmentError when the requested checkpoint is, or may be, in a damaged segment;
    RunRolledBackError on writing for a run that was rolled back; OSError.
    """

    def __init__(
        self,
        root: Path | str,
        *,
        run: str | None = None,
        without: Collection[RunName] = (),
        thread_dir_of: Callable[[str], str] | None = None,
        serde: SerializerProtocol | None = None,
    ) -> None:
        super().__init__(serde=serde)
        self._store = Store(root)
        self._run = None if run is None else check_run(run)
        self._without = frozenset(without)
        self._thread_dir_of = thread_dir_of or self._store.directory_of
        self._lock = threading.RLock()
        self._histories: dict[str, History] = {}

    def get_tuple(self, config: RunnableConfig) -> CheckpointTuple | None:
        """The checkpoint of the config's id, or the newest of its namespace."""
        with self._lock:
            history = self._history(address_of(config)[0])
            while True:
                found = _find(history, config)
                if found is None:
                    return None
                stored = self._tuple(history, found)
                if stored is not None:  # else it was removed meanwhile
                    return stored

    def get_delta_channel_history(
        self, *, config: RunnableConfig, channels: Sequence[str]
    ) -> Mapping[str, DeltaChannelHistory]:
        """The writes that a checkpoint's DeltaChannels are rebuilt from, in its own line.

        The base class takes all writes to an ancestor, also those of runs on another line.
        """
        rebuilt: dict[str, DeltaChannelHistory] = {channel: {"writes": []} for channel in channels}
        with self._lock:
            history = self._history(address_of(config)[0])
            found = _find(history, config)
            if found is None:
                return rebuilt
            for stored in history.line(found):
                ancestor = checkpoint_tuple(self.serde, stored)
                for channel, rest in rebuilt.items():
                    if "seed" in rest:
                        continue
                    writes = [w for w in ancestor.pending_writes or () if w[1] == channel]
                    rest["writes"] = writes + rest["writes"]
                    if channel in ancestor.checkpoint["channel_values"]:
                        rest["seed"] = ancestor.checkpoint["channel_values"][channel]
                if all("seed" in rest for rest in rebuilt.values()):
                    break
        return rebuilt

    def list(
        self,
        config: RunnableConfig | None,
        *,
        filter: dict[str, Any] | None = None,
        before: RunnableConfig | None = None,
        limit: int | None = None,
    ) -> Iterator[CheckpointTuple]:
        """Newest first; without a config, thread after thread. `filter` compares metadata."""
        matches = self._matches(config, filter or {}, before)
        left = limit
        while left is None or left > 0:
            with self._lock:
                match = next(matches, None)
                found = None if match is None else self._tuple(*match)
            if match is None:
                return
            if found is not None:  # else it was removed meanwhile
                yield found
                left = None if left is None else left - 1

    def _matches(
        self, config: RunnableConfig | None, filter: dict[str, Any], before: RunnableConfig | None
    ) -> Iterator[tuple[History, Found]]:
        thread_id, ns, checkpoint_id = None, None, None
        if config is not None:
            thread_id, _, checkpoint_id = address_of(config)
            ns = config["configurable"].get("checkpoint_ns")
        bound_id = get_checkpoint_id(before) if before else None
        # Converted like the stored metadata, which has lists for tuples.
        wanted = json.loads(json.dumps(filter))
        for history in self._all_histories() if thread_id is None else [self._history(thread_id)]:
            bound = history.order_of(thread_id, bound_id) if bound_id else None
            for found in history.checkpoints(thread_id, ns):
                meta = found.record.meta
                if (
                    (checkpoint_id is None or meta["id"] == checkpoint_id)
                    and (bound is None or found.order < bound)
                    and (bound_id is None or bound is not None or meta["id"] < bound_id)
                    and all(meta["metadata"].get(key) == value for key, value in wanted.items())
                ):
                    yield history, found

    def _tuple(self, history: History, found: Found) -> CheckpointTuple | None:
        stored = history.read(found)
        return None if stored is None else checkpoint_tuple(self.serde, stored)

    def _history(self, thread_id: str) -> History:
        return self._history_in(self._thread_dir_of(thread_id))

    def _all_histories(self) -> Iterator[History]:
        for thread in self._store.threads():
            yield self._history_in(thread.name)

    def _history_in(self, directory: str) -> History:
        history = self._histories.get(directory)
        if history is None:
            history = History(self._store.thread(directory), self._without)
            self._histories[directory] = history
        elif self._run is None:
            history.refresh()
        return history

    # Writing

    def put(
        self,
        config: RunnableConfig,
        checkpoint: Checkpoint,
        metadata: CheckpointMetadata,
        new_versions: ChannelVersions,  # noqa: ARG002 - all channel values are in the checkpoint
    ) -> RunnableConfig:
        """Store a checkpoint; it is on disk when this returns."""
        thread_id, ns, parent_id = address_of(config)
        stored_metadata = get_checkpoint_metadata(config, metadata)
        entry = checkpoint_entry(
            thread_id=thread_id,
            ns=ns,
            checkpoint_id=checkpoint["id"],
            parent_id=parent_id,
            metadata=stored_metadata,
            typed=self.serde.dumps_typed(checkpoint),
            without=self._without,
        )
        self._append(thread_id, stored_metadata.get("run_id"), entry)
        return config_of(thread_id, ns, checkpoint["id"])

    def put_writes(
        self,
        config: RunnableConfig,
        writes: Sequence[tuple[str, Any]],
        task_id: str,
        task_path: str = "",
    ) -> None:
        """Store a task's pending writes, all or none; they are on disk when this returns."""
        thread_id, ns, checkpoint_id = address_of(config)
        if checkpoint_id is None:
            raise ValueError("config: put_writes needs the checkpoint_id that the writes belong to")
        rows = [
            Write(
                task_id,
                task_path,
                WRITES_IDX_MAP.get(channel, position),
                channel,
                *self.serde.dumps_typed(value),
            )
            for position, (channel, value) in enumerate(writes)
        ]
        entry = writes_entry(
            thread_id=thread_id,
            ns=ns,
            checkpoint_id=checkpoint_id,
            task=task_id,
            path=task_path,
            writes=rows,
        )
        self._append(thread_id, get_checkpoint_metadata(config, {}).get("run_id"), entry)

    def _append(self, thread_id: str, run_id: str | None, entry: Entry) -> None:
        with self._lock:
            history = self._history(thread_id)
            if self._run is not None:
                segment = history.segment_of(self._run)
            else:
                # Always the thread's last segment, so that the last put is the newest checkpoint.
                segment = history.last_segment_of(run_name(run_id or ""))
            segment.append(entry)

    # Whole threads and runs

    def delete_thread(self, thread_id: str) -> None:
        """Delete all checkpoints and pending writes of a thread."""
        with self._lock:
            maintenance.delete_thread(self._maintained(thread_id).thread)

    def delete_for_runs(self, run_ids: Sequence[str]) -> None:
        """Delete all that these runs wrote, in all threads, and refuse their later writes.

        The writes that DeltaChannels of later runs are rebuilt from stay, for these runs only.
        """
        self._for_tools_only()
        with self._lock:
            runs = {run_name(run_id) for run_id in run_ids}
            for thread in self._store.threads():
                for run in runs.intersection(segment.run for segment in thread.segments()):
                    bury_run(thread, run)

    def copy_thread(self, source_thread_id: str, target_thread_id: str) -> None:
        """Copy all checkpoints and pending writes to a thread that has none.

        Raises StoreError when the target has checkpoints.
        """
        with self._lock:
            source, target = self._maintained(source_thread_id), self._maintained(target_thread_id)
            maintenance.copy_thread(source, source_thread_id, target.thread, target_thread_id)

    def prune(self, thread_ids: Sequence[str], *, strategy: str = "keep_latest") -> None:
        """Delete all checkpoints (`delete`), or all but each namespace's newest (`keep_latest`).

        Raises ValueError for another strategy. See `maintenance.prune`.
        """
        if strategy not in ("keep_latest", "delete"):
            raise ValueError(f"strategy: {strategy!r} is neither 'keep_latest' nor 'delete'")
        with self._lock:
            for thread_id in thread_ids:
                history = self._maintained(thread_id)
                if strategy == "delete":
                    maintenance.delete_thread(history.thread)
                else:
                    maintenance.prune(history, self.serde.loads_typed, keep=1)

    def _maintained(self, thread_id: str) -> History:
        self._for_tools_only()
        return self._history(thread_id)

    def _for_tools_only(self) -> None:
        if self._run is not None:
            raise StoreError(
                "a run's checkpointer only adds to its own segment, since no rollback could "
                "restore what it deletes; use StoreSaver(root) while no run of the thread is live"
            )


def _find(history: History, config: RunnableConfig) -> Found | None:
    thread_id, ns, checkpoint_id = address_of(config)
    if checkpoint_id:
        return history.find(thread_id, ns, checkpoint_id)
    return history.newest(thread_id, ns)
