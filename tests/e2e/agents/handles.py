"""Rarely used parts of LangGraph: an entrypoint that asks, and a node with an error handler."""

from typing import Any, TypedDict, cast

from langgraph.errors import NodeError
from langgraph.func import entrypoint, task
from langgraph.graph import START, StateGraph
from langgraph.types import interrupt


class State(TypedDict, total=False):
    text: str


def fail(_: State) -> State:
    raise ValueError("the model said no")


def handle(_: State, error: NodeError) -> State:
    return {"text": f"{error.node}: {error.error}"}


graph = StateGraph(State)
graph.add_node("fail", cast(Any, fail), error_handler=cast(Any, handle))
graph.add_edge(START, "fail")


@task
def shout(text: str) -> str:
    return text.upper()


@entrypoint()
def asks(text: str) -> str:
    return str(interrupt("sure?")) if text.endswith("?") else shout(text).result()
