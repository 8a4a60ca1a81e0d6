"""Spins forever in the event loop, so that no other task of the process runs."""

import json
from typing import TypedDict

from langgraph.graph import END, START, StateGraph


class State(TypedDict, total=False):
    text: str


async def spin(state: State) -> State:
    print(json.dumps({"event": "begin", "step": 1}), flush=True)
    while True:
        pass


graph = StateGraph(State)
graph.add_node("spin", spin)
graph.add_edge(START, "spin")
graph.add_edge("spin", END)
