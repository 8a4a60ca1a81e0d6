"""Graphs of the runner's tests that stop at a static breakpoint, in pods that then end badly."""

import asyncio
import os
import signal
import time
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from pathlib import Path
from typing import Any

from langgraph.graph import START, StateGraph

from unit.runner.agents.graphs import State, add_one, ask, chain, double


def first_time(what: str) -> bool:
    """Whether no pod before this one has asked, as a file in the working directory says."""
    marker = Path(what)
    if marker.exists():
        return False
    marker.touch()
    return True


def guarded(_: State) -> State:
    Path("guarded-ran").touch()
    return {"answer": "done"}


def die_once(_: State) -> State:
    if first_time("died"):
        os.kill(os.getpid(), signal.SIGKILL)
    return {"answer": "done"}


def wait_once(_: State) -> str:
    if first_time("waited"):
        print("waiting", flush=True)
        time.sleep(600)
    return "double"


def as_a_node(subgraph: Any) -> StateGraph[Any, Any, Any, Any]:
    """A graph with the other one as its only node."""
    builder: StateGraph[Any, Any, Any, Any] = StateGraph(State)
    builder.add_node("subgraph", subgraph)
    builder.add_edge(START, "subgraph")
    return builder


def fails_to_close_once(graph: Any) -> Callable[[], AbstractAsyncContextManager[Any]]:
    """A factory whose first pod has no report of how its graph ended."""

    @asynccontextmanager
    async def factory() -> AsyncIterator[Any]:
        yield graph
        if first_time("closed-badly"):
            raise ConnectionError("the browser has gone")

    return factory


@asynccontextmanager
async def slow_to_close() -> AsyncIterator[Any]:
    yield chain(add_one, guarded).compile(interrupt_before=["guarded"])
    if first_time("closed-slowly"):
        print("closing", flush=True)
        await asyncio.sleep(600)


before = fails_to_close_once(chain(add_one, guarded).compile(interrupt_before=["guarded"]))
before_all = fails_to_close_once(chain(guarded).compile(interrupt_before="*"))
after = fails_to_close_once(chain(add_one, guarded).compile(interrupt_after=["add_one"]))
in_a_subgraph = fails_to_close_once(
    as_a_node(chain(add_one, guarded).compile(interrupt_before=["guarded"]))
)
asks_behind = chain(add_one, ask).compile(interrupt_before=["ask"])
asks_before_in_a_subgraph = as_a_node(chain(ask, guarded).compile(interrupt_before=["guarded"]))
dies_behind = chain(add_one, die_once).compile(interrupt_before=["die_once"])
dies_behind_in_a_subgraph = as_a_node(
    chain(add_one, die_once).compile(interrupt_before=["die_once"])
)
waits_at_an_edge = chain(add_one)
waits_at_an_edge.add_node("double", double)
waits_at_an_edge.add_conditional_edges("add_one", wait_once, ["double"])
