"""Asks a person, and outputs the answer."""

from typing import Any, TypedDict

from langgraph.graph import END, START, StateGraph
from langgraph.types import interrupt


class State(TypedDict, total=False):
    plan: str
    answer: Any


def plan(state: State) -> State:
    return {"plan": "buy " + state["plan"]}


def ask(state: State) -> State:
    return {"answer": interrupt({"question": f"{state['plan']}?"})}


graph = StateGraph(State)
graph.add_node("plan", plan)
graph.add_node("ask", ask)
graph.add_edge(START, "plan")
graph.add_edge("plan", "ask")
graph.add_edge("ask", END)
