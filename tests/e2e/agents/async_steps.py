"""Two steps with async nodes. The second waits forever, without blocking the event loop."""

import asyncio
import json
import operator
from typing import Annotated, TypedDict

from langgraph.graph import END, START, StateGraph


class State(TypedDict, total=False):
    done: Annotated[list[str], operator.add]


async def quick(state: State) -> State:
    await asyncio.sleep(0)
    return {"done": ["quick"]}


async def slow(state: State) -> State:
    print(json.dumps({"event": "begin", "step": 2}), flush=True)
    await asyncio.Event().wait()
    return {"done": ["slow"]}


graph = StateGraph(State)
graph.add_node("quick", quick)
graph.add_node("slow", slow)
graph.add_edge(START, "quick")
graph.add_edge("quick", "slow")
graph.add_edge("slow", END)
