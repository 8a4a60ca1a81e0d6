"""Takes `configurable.steps` steps, and leaves a mark for each: "<run>/<step>/<pod>".

With `configurable.failAt` the run's first pod fails in that step. With DEAF it ignores SIGTERM.
"""

import json
import operator
import os
import signal
import time
from typing import Annotated, TypedDict

from langchain_core.runnables import RunnableConfig
from langgraph.graph import END, START, StateGraph

RUN, POD = os.environ["AGENTRUN_NAME"], os.environ["HOSTNAME"]

if "DEAF" in os.environ:
    signal.signal(signal.SIGTERM, signal.SIG_IGN)


class State(TypedDict, total=False):
    done: Annotated[list[str], operator.add]


def own(state: State) -> list[str]:
    return [mark for mark in state.get("done", []) if mark.startswith(f"{RUN}/")]


def step(state: State, config: RunnableConfig) -> State:
    options, marks = config["configurable"], own(state)
    number = len(marks) + 1
    # LangGraph begins a step when the checkpoint of the one before is acknowledged.
    print(json.dumps({"event": "begin", "step": number, "at": time.time()}), flush=True)
    time.sleep(options["seconds"])
    if number == options.get("failAt") and marks[-1].endswith(f"/{POD}"):
        raise ConnectionError("the model is away")
    return {"done": [f"{RUN}/{number}/{POD}"]}


def more(state: State, config: RunnableConfig) -> str:
    return "step" if len(own(state)) < config["configurable"]["steps"] else END


graph = StateGraph(State)
graph.add_node("step", step)
graph.add_edge(START, "step")
graph.add_conditional_edges("step", more, ["step", END])
