"""Stops at a breakpoint, then asks twice. With `hold`, its run's first pod never closes."""

import asyncio
import json
import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, TypedDict

from langchain_core.runnables import RunnableConfig
from langgraph.graph import START, StateGraph
from langgraph.types import interrupt

# The run's segment is the only directory that all its pods share and can write.
THREAD = Path("/agentrun/store", os.environ["AGENTRUN_THREAD"])
MARKER = THREAD / "segments" / os.environ["AGENTRUN_SEGMENT"] / "held"


class State(TypedDict, total=False):
    plan: str
    table: Any
    database: Any


builder = StateGraph(State)
builder.add_node("table", lambda _: {"table": interrupt("drop the table?")})
builder.add_node("database", lambda _: {"database": interrupt("drop the database?")})
builder.add_edge(START, "table")
builder.add_edge("table", "database")


def is_first_pod() -> bool:
    first = not MARKER.exists()
    MARKER.touch()
    return first


@asynccontextmanager
async def graph(config: RunnableConfig) -> AsyncIterator[Any]:
    yield builder.compile(interrupt_before=["table"])
    if config["configurable"].get("hold") and is_first_pod():
        print(json.dumps({"event": "closing"}), flush=True)
        await asyncio.Event().wait()
