"""Whether a graph's state model refuses the state that its thread has."""

import dataclasses
from typing import Any

from langgraph.channels import LastValue
from langgraph.graph.state import CompiledStateGraph
from pydantic import BaseModel, ValidationError

from agentrun_runner.langgraph_runtime.breakpoints import Graph
from agentrun_runner.langgraph_runtime.failures import brief


def refused_state(graph: Graph, values: Any, given: Any, error: Exception) -> str | None:
    """What a model says against the thread's values alone; None if `error` is not about them.

    It is, if a model of the graph makes the same objection to the values that the run's input,
    `given`, does not replace.
    """
    if not isinstance(graph, CompiledStateGraph) or not isinstance(values, dict):
        return None
    replaced = {
        key
        for key in (given if isinstance(given, dict) else ())
        if isinstance(graph.channels.get(key), LastValue)
    }
    for schema, channels in graph.builder.schemas.items():
        if not isinstance(schema, type) or not (
            dataclasses.is_dataclass(schema) or issubclass(schema, BaseModel)
        ):
            continue
        try:
            schema(**{key: values[key] for key in channels if key in values.keys() - replaced})
        except Exception as objection:
            if _objections(objection) & _objections(error):
                return brief(objection)
    return None


def _objections(error: Exception) -> set[object]:
    """What is wrong, but not that something is missing, which an input could give."""
    if isinstance(error, ValidationError):
        return {(e["loc"], e["type"], e["msg"]) for e in error.errors() if e["type"] != "missing"}
    return set() if isinstance(error, TypeError) else {brief(error)}
