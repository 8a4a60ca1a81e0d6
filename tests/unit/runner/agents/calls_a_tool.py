"""A model that calls a tool. The tool waits if `configurable.hold` says so."""

import time
from typing import Any

from langchain_core.messages import AIMessage, ToolMessage
from langchain_core.runnables import RunnableConfig

from unit.runner.agents.graphs import Chat, chain

CALL = {"name": "look_up", "args": {}, "id": "call-1"}


def ask(_: Chat) -> Any:
    return {"messages": [AIMessage("", tool_calls=[CALL])]}


def use_tool(state: Chat, config: RunnableConfig) -> Any:
    print("ready", flush=True)
    if config["configurable"].get("hold"):
        time.sleep(600)
    (call,) = state["messages"][-1].tool_calls  # type: ignore[union-attr]
    return {"messages": [ToolMessage("42", tool_call_id=call["id"])]}


def answer(state: Chat) -> Any:
    return {"messages": [AIMessage(f"It is {state['messages'][-1].content}.")]}


graph = chain(ask, use_tool, answer, schema=Chat)
