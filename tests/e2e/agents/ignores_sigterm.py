"""Ignores SIGTERM, and waits forever."""

import json
import signal
import time
from typing import TypedDict

from langgraph.graph import END, START, StateGraph

signal.signal(signal.SIGTERM, signal.SIG_IGN)


class State(TypedDict, total=False):
    text: str


def wait(state: State) -> State:
    print(json.dumps({"event": "begin", "step": 1}), flush=True)
    while True:
        time.sleep(1)


graph = StateGraph(State)
graph.add_node("wait", wait)
graph.add_edge(START, "wait")
graph.add_edge("wait", END)
