"""From "module:attribute" to a graph that can run."""

import asyncio
import inspect
from contextlib import AbstractAsyncContextManager, AbstractContextManager, AsyncExitStack
from typing import Any

from langchain_core.runnables import RunnableConfig
from langgraph.graph import StateGraph
from langgraph.pregel import Pregel

from ...python_agent.failures import AgentImportError, brief
from ...python_agent.importing import import_attribute
from .failures import GraphFactoryError

FIELD = "Agent spec.runtime.langgraph.graph"


def import_graph(source: str) -> Any:
    """Import the object that "module:attribute" names. Raises AgentImportError."""
    return import_attribute(
        source, field=FIELD, example="my_agent:graph", what="graphs", is_agent=_is_graph
    )


async def make_graph(
    candidate: Any, config: RunnableConfig, stack: AsyncExitStack
) -> Pregel[Any, Any, Any, Any]:
    """A compiled graph from a graph, a builder, or a function (see `_call`) that returns one.

    Raises:
        AgentImportError: the object is none of these, or a builder that cannot be compiled.
        GraphFactoryError: the function raised an exception.
    """
    if not _is_graph(candidate) and callable(candidate):
        try:
            candidate = await _call(candidate, config, stack)
        except Exception as error:
            raise GraphFactoryError(f"{FIELD}: making the graph failed: {brief(error)}") from error
    if isinstance(candidate, StateGraph):
        try:
            candidate = candidate.compile()
        except Exception as error:
            raise AgentImportError(f"{FIELD}: it cannot be compiled: {brief(error)}") from error
    if not isinstance(candidate, Pregel):
        raise AgentImportError(
            f"{FIELD} leads to a {type(candidate).__name__}: it must be a compiled graph, a "
            "StateGraph, or a function that returns one of them"
        )
    return candidate


async def _call(function: Any, config: RunnableConfig, stack: AsyncExitStack) -> Any:
    """Call the function: sync or async, with the config if it takes an argument. If it returns a
    context manager, enter it; it stays open in `stack` for the run."""
    arguments = [config] if inspect.signature(function).parameters else []
    if inspect.iscoroutinefunction(function):
        made = await function(*arguments)
    else:
        made = await asyncio.to_thread(function, *arguments)
    if isinstance(made, AbstractAsyncContextManager):
        return await stack.enter_async_context(made)
    if isinstance(made, AbstractContextManager):
        return stack.enter_context(made)
    return made


def _is_graph(value: object) -> bool:
    return isinstance(value, Pregel | StateGraph)
