"""Whether a graph's state model refuses its thread's stored state."""

import dataclasses
from typing import Any

from langchain_core.runnables import RunnableConfig
from langgraph.channels import LastValue
from langgraph.checkpoint.base import BaseCheckpointSaver
from langgraph.graph.state import CompiledStateGraph
from pydantic import BaseModel, ValidationError

from ...encoding import plain
from ...python_agent.failures import brief
from .breakpoints import Graph
from .failures import CheckpointRefusedError


async def raise_if_stored_state_is_refused(
    graph: Graph,
    saver: BaseCheckpointSaver[Any],
    config: RunnableConfig,
    given: Any,
    error: Exception,
) -> None:
    """Raise CheckpointRefusedError if the thread's state at the config's checkpoint caused `error`.

    That is so if a model of the graph makes the same objection to the values that the run's input,
    `given`, does not replace. LangGraph itself cannot read such a state, so this function does.
    """
    saved = await saver.aget_tuple(config)
    if saved is None or not isinstance(graph, CompiledStateGraph):
        return
    values = saved.checkpoint["channel_values"]
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
                raise CheckpointRefusedError(
                    "the graph's state model refuses the state in the thread's checkpoint: "
                    f"{plain(brief(objection), 600)}. Start from an older checkpoint with "
                    "spec.checkpoint.id, or change the model"
                ) from error


def _objections(error: Exception) -> set[object]:
    """The error's objections, without those to missing values, which an input could give."""
    if isinstance(error, ValidationError):
        return {(e["loc"], e["type"], e["msg"]) for e in error.errors() if e["type"] != "missing"}
    return set() if isinstance(error, TypeError) else {brief(error)}
