"""Asks two people in parallel, and outputs their answers."""

import operator
from typing import Annotated, Any, TypedDict

from langgraph.graph import END, START, StateGraph
from langgraph.types import interrupt


class State(TypedDict, total=False):
    answers: Annotated[list[Any], operator.add]


def cook(state: State) -> State:
    return {"answers": [["cook", interrupt("What is there to eat?")]]}


def guest(state: State) -> State:
    return {"answers": [["guest", interrupt("What do you like?")]]}


graph = StateGraph(State)
graph.add_node("cook", cook)
graph.add_node("guest", guest)
graph.add_edge(START, "cook")
graph.add_edge(START, "guest")
graph.add_edge("cook", END)
graph.add_edge("guest", END)
