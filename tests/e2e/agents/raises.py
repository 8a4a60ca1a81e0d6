"""Fails in its second step."""

from typing import TypedDict

from langgraph.graph import END, START, StateGraph


class State(TypedDict, total=False):
    text: str


def fine(state: State) -> State:
    return {"text": "fine"}


def fail(state: State) -> State:
    raise ValueError("the model said no")


graph = StateGraph(State)
graph.add_node("fine", fine)
graph.add_node("fail", fail)
graph.add_edge(START, "fine")
graph.add_edge("fine", "fail")
graph.add_edge("fail", END)
