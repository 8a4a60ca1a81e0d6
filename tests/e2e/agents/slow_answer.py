"""The agent `asks`, with much work after the answer."""

import json
import time
from typing import Any, TypedDict

from langgraph.graph import START, StateGraph
from langgraph.types import interrupt


class State(TypedDict, total=False):
    plan: str
    answer: Any


def ask(state: State) -> State:
    return {"answer": interrupt({"question": f"{state['plan']}?"})}


def buy(state: State) -> State:
    print(json.dumps({"event": "answered"}), flush=True)
    time.sleep(600)
    return {}


graph: StateGraph[Any, Any, Any, Any] = StateGraph(State)
graph.add_node("ask", ask)
graph.add_node("buy", buy)
graph.add_edge(START, "ask")
graph.add_edge("ask", "buy")
