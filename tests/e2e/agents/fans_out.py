"""Two parallel nodes, `left` and `right`. Those that `configurable.hold` names wait."""

import json
import operator
import sys
import time
from pathlib import Path
from typing import Annotated, TypedDict

from langchain_core.runnables import RunnableConfig
from langgraph.graph import END, START, StateGraph

GATE = Path("/tmp/go")


class State(TypedDict, total=False):
    done: Annotated[list[str], operator.add]


def _do(name: str, config: RunnableConfig) -> State:
    # One write for each line: the nodes run in threads, and print() would mix their lines.
    sys.stdout.write(json.dumps({"event": "begin", "node": name}) + "\n")
    sys.stdout.flush()
    while name in config["configurable"].get("hold", []) and not GATE.exists():
        time.sleep(0.02)
    return {"done": [name]}


def left(state: State, config: RunnableConfig) -> State:
    return _do("left", config)


def right(state: State, config: RunnableConfig) -> State:
    return _do("right", config)


graph = StateGraph(State)
graph.add_node("left", left)
graph.add_node("right", right)
graph.add_edge(START, "left")
graph.add_edge(START, "right")
graph.add_edge("left", END)
graph.add_edge("right", END)
