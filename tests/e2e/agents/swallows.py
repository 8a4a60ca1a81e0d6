"""Swallows the exception that stops its first step, and would continue."""

import json
import time
from contextlib import suppress
from typing import TypedDict

from langgraph.graph import END, START, StateGraph


class State(TypedDict, total=False):
    text: str


def first(state: State) -> State:
    print(json.dumps({"event": "begin", "step": 1}), flush=True)
    with suppress(BaseException):
        time.sleep(3600)
    print(json.dumps({"event": "swallowed"}), flush=True)
    return {"text": "the first step went on"}


def second(state: State) -> State:
    print(json.dumps({"event": "begin", "step": 2}), flush=True)
    return {"text": "the second step ran"}


graph = StateGraph(State)
graph.add_node("first", first)
graph.add_node("second", second)
graph.add_edge(START, "first")
graph.add_edge("first", "second")
graph.add_edge("second", END)
