"""Takes `steps` steps. At the step that `configurable.hold` names it waits for its gate to open."""

import json
import operator
import time
from pathlib import Path
from typing import Annotated, TypedDict

from langchain_core.runnables import RunnableConfig
from langgraph.graph import END, START, StateGraph

GATE = Path("/tmp/go")


class State(TypedDict, total=False):
    steps: int
    done: Annotated[list[int], operator.add]


def step(state: State, config: RunnableConfig) -> State:
    number = len(state.get("done", [])) + 1
    # LangGraph begins a step when the store has acknowledged the checkpoint of the one before.
    print(json.dumps({"event": "begin", "step": number}), flush=True)
    if number == config["configurable"].get("hold"):
        while not GATE.exists():
            time.sleep(0.02)
    return {"done": [number]}


def more(state: State) -> str:
    return "step" if len(state["done"]) < state["steps"] else END


graph = StateGraph(State)
graph.add_node("step", step)
graph.add_edge(START, "step")
graph.add_conditional_edges("step", more, ["step", END])
