"""Adds words to a state that LangGraph stores as changes: each run builds on earlier runs'."""

from typing import Annotated, TypedDict

from langgraph.channels.delta import DeltaChannel
from langgraph.graph import START, StateGraph


def extend(old: list[str], writes: list[list[str]]) -> list[str]:
    return [*old, *(word for write in writes for word in write)]


class State(TypedDict, total=False):
    words: Annotated[list[str], DeltaChannel(extend, list)]


graph = StateGraph(State)
graph.add_node("say", lambda state: {"words": [f"{len(state['words'])} so far"]})
graph.add_edge(START, "say")
