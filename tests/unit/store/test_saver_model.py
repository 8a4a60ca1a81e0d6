"""Any sequence of calls has the same results as with LangGraph's in-memory saver."""

import tempfile
from typing import Any
from unittest import mock

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from langgraph.checkpoint.base import BaseCheckpointSaver, CheckpointTuple
from langgraph.checkpoint.memory import InMemorySaver
from langgraph.checkpoint.serde.types import ERROR, INTERRUPT, RESUME

from agentrun_store import tail
from agentrun_store.checkpointer import StoreSaver
from unit.store.support import RUN_A, checkpoint, config

IDS = {"": ["1", "3", "5"], "sub:1": ["2", "4", "6"]}  # by namespace: an id is used once
THREADS = st.sampled_from(["chat", "../other"])
CHANNELS = st.sampled_from(["a", "b", ERROR, INTERRUPT, RESUME])

ADDRESS = st.sampled_from([(ns, id_) for ns in IDS for id_ in IDS[ns]])
PUT = st.tuples(
    st.just("put"), THREADS, ADDRESS, st.none() | st.just("0"), st.integers(0, 9), st.integers(0, 1)
)
WRITES = st.tuples(
    st.just("writes"),
    THREADS,
    ADDRESS,
    st.lists(st.tuples(CHANNELS, st.integers(0, 9)), max_size=3),
    st.sampled_from(["task 1", "task 2"]),
    st.sampled_from(["", "path 1", "path 2"]),
)
REOPEN = st.tuples(st.just("reopen"))


def apply(saver: BaseCheckpointSaver[Any], call: tuple[Any, ...]) -> None:
    if call[0] == "put":
        _, thread, (ns, id_), parent, value, step = call
        where = config(parent, thread=thread, ns=ns)
        state = checkpoint(id_, value)
        # The model keeps one value for each version of a channel.
        state["channel_versions"] = {"value": int(id_)}
        saver.put(where, state, {"step": step}, state["channel_versions"])
    elif call[0] == "writes":
        _, thread, (ns, id_), writes, task, path = call
        saver.put_writes(config(id_, thread=thread, ns=ns), writes, task, path)


def plain(found: CheckpointTuple | None) -> Any:
    if found is None:
        return None
    address = {k: v for k, v in found.config["configurable"].items() if v is not None}
    values = found.checkpoint["channel_values"]
    return address, values, found.metadata, found.parent_config, found.pending_writes


def read(saver: BaseCheckpointSaver[Any]) -> list[Any]:
    results: list[Any] = []
    for thread in ("chat", "../other"):
        for ns, ids in IDS.items():
            results += [
                plain(saver.get_tuple(config(id_, thread=thread, ns=ns))) for id_ in (None, *ids)
            ]
            where = config(thread=thread, ns=ns)
            for options in (
                {},
                {"limit": 0},
                {"limit": 2},
                {"before": config("4")},
                {"before": config("4"), "limit": 1},
                {"filter": {"step": 1}},
                {"filter": {"step": 1, "unknown": None}},
            ):
                results.append([plain(found) for found in saver.list(where, **options)])
    return results


@pytest.mark.usefixtures("fast_disk")
@settings(
    max_examples=100, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(
    calls=st.lists(PUT | WRITES | REOPEN, min_size=5, max_size=25),
    run=st.sampled_from([None, RUN_A]),
    window=st.sampled_from([1, tail.WINDOW]),
)
def test_results_are_those_of_the_in_memory_saver(
    calls: list[tuple[Any, ...]], run: str | None, window: int
) -> None:
    # The model orders checkpoints by id alone, so the test puts them in this order. Other tests
    # cover the cases where the order by id alone is wrong.
    puts = iter(sorted((call for call in calls if call[0] == "put"), key=lambda call: call[2][1]))
    calls = [next(puts) if call[0] == "put" else call for call in calls]
    model = InMemorySaver()
    # With a small window, the store reads logs from their end record by record, like large ones.
    with mock.patch.object(tail, "WINDOW", window), tempfile.TemporaryDirectory() as root:
        saver = StoreSaver(root, run=run)
        for call in calls:
            if call[0] == "reopen":
                saver = StoreSaver(root, run=run)
            apply(model, call)
            apply(saver, call)
        expected = read(model)
        assert read(saver) == expected
        assert read(StoreSaver(root)) == expected
