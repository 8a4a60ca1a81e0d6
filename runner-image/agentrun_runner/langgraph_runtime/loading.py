"""From "module:attribute" to a graph that can run."""

import asyncio
import importlib
import inspect
from contextlib import AbstractAsyncContextManager, AbstractContextManager, AsyncExitStack
from typing import Any

from langchain_core.runnables import RunnableConfig
from langgraph.graph import StateGraph
from langgraph.pregel import Pregel

from .failures import GraphFactoryError, GraphImportError, brief

FIELD = "Agent spec.runtime.langgraph.graph"
_FORM = 'write it as "module:attribute", for example "my_agent:graph"'


def import_attribute(source: str) -> Any:
    """Import what "module:attribute" names.

    Raises:
        GraphImportError: the text has another form, or the module or the attribute is not there.
    """
    module_name, colon, attribute = source.partition(":")
    if not (colon and module_name and attribute.isidentifier()):
        raise GraphImportError(f"{FIELD} is {source!r}: {_FORM}")
    try:
        module = importlib.import_module(module_name)
    except ModuleNotFoundError as error:
        if error.name is None or not f"{module_name}.".startswith(f"{error.name}."):
            raise GraphImportError(
                f"{FIELD}: the module {module_name!r} imports {error.name!r}, which is not there: "
                "build an image FROM the runner image that has it, and name it in spec.image"
            ) from error
        raise GraphImportError(
            f"{FIELD}: there is no module {module_name!r}: put it into the ConfigMap that "
            "spec.code.configMap names, or into the image"
        ) from error
    except (Exception, SystemExit) as error:
        raise GraphImportError(
            f"{FIELD}: importing {module_name!r} failed: {brief(error)}"
        ) from error
    if not hasattr(module, attribute):
        graphs = [name for name, value in vars(module).items() if _is_graph(value)]
        raise GraphImportError(
            f"{FIELD}: the module {module_name!r} has no {attribute!r}; "
            f"its graphs are: {', '.join(graphs) or 'none'}"
        )
    return getattr(module, attribute)


async def make_graph(
    candidate: Any, config: RunnableConfig, stack: AsyncExitStack
) -> Pregel[Any, Any, Any, Any]:
    """A compiled graph from a graph, a builder, or a function (see `_call`) that gives one of them.

    Raises:
        GraphImportError: it is none of these, or a builder that cannot be compiled.
        GraphFactoryError: the function raised something.
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
            raise GraphImportError(f"{FIELD}: it cannot be compiled: {brief(error)}") from error
    if not isinstance(candidate, Pregel):
        raise GraphImportError(
            f"{FIELD} leads to a {type(candidate).__name__}: it must be a compiled graph, a "
            "StateGraph, or a function that returns one of them"
        )
    return candidate


async def _call(function: Any, config: RunnableConfig, stack: AsyncExitStack) -> Any:
    """What the function gives: sync or async, with the config if it takes an argument, and as a
    context manager if it is one, which stays open in `stack` for the run."""
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
