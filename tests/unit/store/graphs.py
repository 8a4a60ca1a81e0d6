"""Runs of LangGraph graphs, each in a pod of its own: a new saver on the same directory."""

from pathlib import Path
from typing import Annotated, TypedDict

from langchain_core.runnables import RunnableConfig
from langgraph.channels.delta import DeltaChannel
from langgraph.graph import START, StateGraph

from agentrun_store.checkpointer import StoreSaver
from unit.store.support import THREAD

CHAT: RunnableConfig = {"configurable": {"thread_id": "chat"}}


def pod(root: Path, run: str) -> StoreSaver:
    return StoreSaver(root, run=run, thread_dir_of=lambda _: THREAD)


def extend(old: list[str], writes: list[list[str]]) -> list[str]:
    return [*old, *(item for write in writes for item in write)]


class DeltaState(TypedDict, total=False):
    log: Annotated[list[str], DeltaChannel(extend, list, snapshot_frequency=4)]
    never_written: Annotated[list[str], DeltaChannel(extend, list)]


def delta_run(number: int) -> str:
    return f"aaaaaaaa-0000-4000-8000-{number:012}"


def delta_runs(root: Path, rounds: int) -> StateGraph[DeltaState]:
    """So many runs of a graph whose state has a snapshot at every fourth change only."""
    graph = StateGraph(DeltaState)
    graph.add_node("step", lambda state: {"log": [f"step {len(state['log'])}"]})
    graph.add_edge(START, "step")
    for number in range(rounds):
        compiled = graph.compile(checkpointer=pod(root, delta_run(number)))
        compiled.invoke({"log": [f"input {number}"]}, CHAT)
    return graph
