"""Takes small steps. Each is a checkpoint, and the state stays as small as it was."""

import time
from typing import TypedDict

from langgraph.graph import END, START, StateGraph


class State(TypedDict, total=False):
    steps: int  # how many to take
    seconds: float  # how long one takes
    taken: int
    first_at: float  # when the first node began, in Unix seconds


def step(state: State) -> State:
    first_at = state.get("first_at", time.time())
    time.sleep(state.get("seconds", 0))
    return {"taken": state.get("taken", 0) + 1, "first_at": first_at}


def more(state: State) -> str:
    return "step" if state["taken"] < state["steps"] else END


graph = StateGraph(State)
graph.add_node("step", step)
graph.add_edge(START, "step")
graph.add_conditional_edges("step", more, ["step", END])
