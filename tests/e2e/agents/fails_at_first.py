"""Fails in its third step when a pod of its run reaches it for the first time."""

import operator
import os
from pathlib import Path
from typing import Annotated, TypedDict

from langgraph.graph import END, START, StateGraph

# The run's segment is the only directory that all its pods share and may write.
THREAD = Path("/agentrun/store", os.environ["AGENTRUN_THREAD"])
MARKER = THREAD / "segments" / os.environ["AGENTRUN_SEGMENT"] / "failed-before"


class State(TypedDict, total=False):
    done: Annotated[list[str], operator.add]


def step(state: State) -> State:
    number = len(state.get("done", [])) + 1
    if number == 3 and not MARKER.exists():
        MARKER.touch()
        raise ConnectionError("the model is away")
    return {"done": [f"{number} in {os.environ['HOSTNAME']}"]}


def more(state: State) -> str:
    return "step" if len(state["done"]) < 4 else END


graph = StateGraph(State)
graph.add_node("step", step)
graph.add_edge(START, "step")
graph.add_conditional_edges("step", more, ["step", END])
