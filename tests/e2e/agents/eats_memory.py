"""Takes more memory than any limit allows."""

from typing import TypedDict

from langgraph.graph import END, START, StateGraph


class State(TypedDict, total=False):
    text: str


def eat(state: State) -> State:
    kept = []
    while True:
        kept.append(bytearray(b"x") * (16 << 20))


graph = StateGraph(State)
graph.add_node("eat", eat)
graph.add_edge(START, "eat")
graph.add_edge("eat", END)
