"""Runs of LangGraph graphs, each in a pod of its own: a new saver on the same directory."""

from collections.abc import Collection
from pathlib import Path
from typing import Annotated, Any, TypedDict

from langchain_core.runnables import RunnableConfig
from langgraph.channels.delta import DeltaChannel
from langgraph.graph import START, StateGraph

from agentrun_store.checkpointer import StoreSaver
from agentrun_store.history import History
from agentrun_store.names import check_run
from agentrun_store.thread import Store
from unit.store.support import THREAD

CHAT: RunnableConfig = {"configurable": {"thread_id": "chat"}}


def pod(root: Path, run: str, without: Collection[str] = ()) -> StoreSaver:
    hidden = {check_run(each) for each in without}
    return StoreSaver(root, run=run, without=hidden, thread_dir_of=lambda _: THREAD)


def extend(old: list[str], writes: list[list[str]]) -> list[str]:
    return [*old, *(item for write in writes for item in write)]


class DeltaState(TypedDict, total=False):
    log: Annotated[list[str], DeltaChannel(extend, list, snapshot_frequency=4)]
    never_written: Annotated[list[str], DeltaChannel(extend, list)]


def delta_run(number: int) -> str:
    return f"aaaaaaaa-0000-4000-8000-{number:012}"


def delta_runs(root: Path, rounds: int) -> StateGraph[DeltaState]:
    """`rounds` runs of a graph whose state has a snapshot at every fourth change only."""
    graph = StateGraph(DeltaState)
    graph.add_node("step", lambda state: {"log": [f"step {len(state['log'])}"]})
    graph.add_edge(START, "step")
    for number in range(rounds):
        compiled = graph.compile(checkpointer=pod(root, delta_run(number)))
        compiled.invoke({"log": [f"input {number}"]}, CHAT)
    return graph


def state(graph: Any, saver: StoreSaver) -> Any:
    return graph.compile(checkpointer=saver).get_state(CHAT).values


def states(graph: Any, root: Path) -> dict[str, Any]:
    """The state at each checkpoint that is listed."""
    reader = graph.compile(checkpointer=StoreSaver(root))
    history = reader.get_state_history(CHAT)
    return {s.config["configurable"]["checkpoint_id"]: s.values for s in history}


def of_runs(root: Path, *numbers: int) -> set[str]:
    """The ids of the checkpoints that these runs wrote."""
    runs = {delta_run(number) for number in numbers}
    found = History(Store(root).thread(THREAD)).checkpoints(None, None)
    return {one.record.meta["id"] for one in found if one.segment.run in runs}
