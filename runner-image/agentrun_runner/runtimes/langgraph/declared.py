"""The types that a checkpoint may hold: those that a graph declares and its Agent allows."""

import importlib
import sys
from collections.abc import Iterator
from enum import Enum
from functools import cached_property
from typing import Annotated, Any, get_args, get_origin, get_type_hints

from langgraph.func import _TaskFunction
from langgraph.graph.state import CompiledStateGraph

from ... import runfile
from .breakpoints import Graph

TypeName = tuple[str, str]
"""Module and name of a class, as LangGraph writes them into a checkpoint."""

# Attributes by which LangGraph's serializer recognises objects that it stores with their class.
_STORED = ("model_dump", "dict", "get_secret_value", "_asdict", "__dataclass_fields__")


class DeclaredTypes:
    """The types in the graph's state schemas, channels and tasks, and those in `allowedModules`."""

    def __init__(self, graph: Graph, runtime: runfile.Langgraph) -> None:
        self._graph = graph
        self._runtime = runtime

    def declares(self, type_name: TypeName) -> bool:
        """Whether a checkpoint may hold objects of the type."""
        module, name = type_name
        allowed = self._runtime.allowed_modules
        if type_name in self._declared or f"{module}:{name}" in allowed:
            return True
        if module not in allowed:
            return False
        found = getattr(importlib.import_module(module), name, None)
        return isinstance(found, type) and found.__module__ == module

    @cached_property
    def _declared(self) -> set[TypeName]:
        module = vars(sys.modules.get(self._runtime.graph.partition(":")[0], object()))
        found: set[TypeName] = set()
        seen: list[Any] = []
        hints = [*_hints_of(self._graph), *_results_of_tasks(module)]
        while hints:
            hint = hints.pop()
            if isinstance(hint, str):  # an annotation that LangGraph left as it was written
                hint = module.get(hint)
            if hint is None or hint in seen:
                continue
            seen.append(hint)
            if _is_stored(hint):
                found.add((hint.__module__, hint.__name__))
            hints += _parts(hint)
        return found


def _hints_of(graph: Graph) -> Iterator[Any]:
    """The types of the state of a graph and its subgraphs."""
    for each in (graph, *(subgraph for _, subgraph in graph.get_subgraphs(recurse=True))):
        if isinstance(each, CompiledStateGraph):
            yield from each.builder.schemas
        for channel in getattr(each, "channels", {}).values():
            for kind in ("ValueType", "UpdateType"):
                yield getattr(channel, kind, None)


def _results_of_tasks(module: dict[str, Any]) -> Iterator[Any]:
    """The return types of the functional API's tasks: LangGraph stores these as pending writes."""
    for value in module.values():
        if isinstance(value, _TaskFunction):
            yield _fields(value.func).get("return")


def _is_stored(hint: Any) -> bool:
    return isinstance(hint, type) and (
        issubclass(hint, Enum)
        or any(hasattr(hint, mark) for mark in _STORED)
        or (hint.__module__, hint.__name__) == ("numpy", "ndarray")
    )


def _parts(hint: Any) -> list[Any]:
    """The types that a type consists of: an alias's target, a class's fields."""
    if get_origin(hint) is Annotated:
        return [hint.__origin__]
    parts = [part for part in get_args(hint) if not isinstance(part, str)]
    if (origin := get_origin(hint)) is not None:
        parts.append(origin)
    for mark in ("__supertype__", "__value__", "__bound__"):  # NewType, type alias, TypeVar
        parts.append(getattr(hint, mark, None))
    if isinstance(hint, type) and hint.__module__ != "builtins":
        parts += _fields(hint).values()
    return parts


def _fields(annotated: Any) -> dict[str, Any]:
    try:
        return get_type_hints(annotated, include_extras=True)
    except Exception:  # annotations are code
        return dict(getattr(annotated, "__annotations__", {}))
