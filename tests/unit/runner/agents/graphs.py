"""Graphs of the runner's tests: some succeed, the others fail by themselves."""

import ctypes
import os
import signal
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Annotated, Any, TypedDict, cast

from langchain_core.messages import AIMessage, AnyMessage
from langchain_core.runnables import RunnableConfig
from langgraph.channels.delta import DeltaChannel
from langgraph.config import get_stream_writer
from langgraph.errors import NodeError
from langgraph.func import entrypoint
from langgraph.graph import START, StateGraph, add_messages
from langgraph.types import interrupt
from pydantic import BaseModel


class State(TypedDict, total=False):
    n: int
    answer: Any
    left: Any
    right: Any


class Chat(TypedDict):
    messages: Annotated[list[AnyMessage], add_messages]


def extend(old: list[str], writes: list[list[str]]) -> list[str]:
    return [*old, *(item for write in writes for item in write)]


class Logged(TypedDict):
    log: Annotated[list[str], DeltaChannel(extend, list)]


class Strict(BaseModel):
    n: int


def chain(*nodes: Any, schema: type[Any] = State) -> StateGraph[Any, Any, Any, Any]:
    """A graph of the nodes, one after the other."""
    builder: StateGraph[Any, Any, Any, Any] = StateGraph(schema)
    last = START
    for node in nodes:
        builder.add_node(node.__name__, node)
        builder.add_edge(last, node.__name__)
        last = node.__name__
    return builder


def fan_out(*nodes: Any) -> StateGraph[Any, Any, Any, Any]:
    """A graph of the nodes, all at once."""
    builder: StateGraph[Any, Any, Any, Any] = StateGraph(State)
    for node in nodes:
        builder.add_node(node.__name__, node)
        builder.add_edge(START, node.__name__)
    return builder


def add_one(state: State) -> State:
    print("add_one runs")
    return {"n": state.get("n", 0) + 1}


async def double(state: State) -> State:
    return {"n": 2 * state.get("n", 0)}


def ask(_: State) -> State:
    return {"answer": interrupt({"question": "really?"})}


def ask_twice(_: State) -> State:
    return {"answer": [interrupt("first?"), interrupt("second?")]}


def ask_left(_: State) -> State:
    return {"left": interrupt("left?")}


def ask_right(_: State) -> State:
    return {"right": interrupt("right?")}


def ask_and_log(_: Logged) -> Logged:
    return {"log": [interrupt("really?")]}


def fail(_: State) -> State:
    raise ValueError("the model said no")


def fail_at_length(state: State) -> State:
    raise ValueError("x" * state["n"])


def fail_once(state: State) -> State:
    """Fails unless it has failed before, as the marker file in the working directory says."""
    marker = Path("failed-once")
    if marker.exists():
        return state
    marker.touch()
    raise ConnectionError("the model is away")


class ModelAwayError(Exception):
    """As the libraries of models have them: no OSError."""


def route(_: State) -> str:
    try:
        fail_once({})
    except ConnectionError as error:
        raise ModelAwayError from error
    return "add_one"


def die(_: State) -> State:
    os.kill(os.getpid(), signal.SIGKILL)
    return {}


def crash(_: State) -> State:
    ctypes.string_at(0)
    return {}


def leave(_: State) -> State:
    os._exit(0)


def system_exit(_: State) -> State:
    raise SystemExit(3)


def returns_nonsense(_: State) -> Any:
    return 5


def take(state: Strict) -> Any:
    return {"n": state.n}


def talk(state: Chat) -> Any:
    return {"messages": [AIMessage("you said " + str(state["messages"][-1].content))]}


def handle(state: State, error: NodeError) -> State:
    return {"answer": f"{error.node} failed: {error.error}"}


def write_to_the_stream(state: State) -> State:
    write = get_stream_writer()
    write({"progress": "half"})
    write("x" * 1_000_000)
    return {}


def large(state: State) -> State:
    return {"answer": "ü" * state["n"]}


def unblock_stdout(state: State) -> State:
    """Make stdout non-blocking, as Node.js does and any program that shares it may."""
    os.set_blocking(1, False)
    return large(state)


def not_json(_: State) -> State:
    return {"answer": {"nan": float("nan"), ("a", 1): {1, 2}, "object": Strict(n=1)}}


def tell_config(_: State, config: RunnableConfig) -> State:
    configurable = config["configurable"]
    return {"answer": [configurable["thread_id"], configurable["model"]]}


builder = chain(add_one, double)
graph = builder.compile()
handles = chain(add_one)
handles.add_node("fail", cast(Any, fail), error_handler=cast(Any, handle))
handles.add_edge("add_one", "fail")
writes_to_the_stream = chain(write_to_the_stream)
asks = chain(add_one, ask)
asks_twice = chain(ask_twice)
asks_twice_and_works = chain(ask_twice, add_one)
asks_two = fan_out(ask_left, ask_right)
asks_and_logs = chain(ask_and_log, schema=Logged)
breakpoint_graph = chain(add_one, double).compile(interrupt_before=["double"])
fails = chain(add_one, fail)
fails_at_length = chain(fail_at_length)
fails_once = chain(add_one, fail_once)
dies = chain(die)
crashes = chain(crash)
leaves = chain(leave)
exits = chain(system_exit)
nonsense = chain(returns_nonsense)
talks = chain(talk, schema=Chat)
strict = chain(take, schema=Strict)
large_output = chain(large)
unblocks_stdout = chain(unblock_stdout)
large_and_asks = chain(large, ask)
odd_output = chain(not_json)
tells_config = chain(tell_config)
endless = chain(add_one).add_edge("add_one", "add_one")
routes = StateGraph(State).add_node("add_one", add_one).add_conditional_edges(START, route)
routes_on = (
    chain(add_one)
    .add_node("double", double)
    .add_conditional_edges("add_one", route, {"add_one": "double"})
)
unfinished = StateGraph(State)
not_a_graph = {"n": 1}


@entrypoint()
def functional(number: int) -> int:
    return number + 1


def factory() -> Any:
    return builder


async def async_factory(config: Any) -> Any:
    assert config["configurable"]["thread_id"] == "talk"
    return graph


@asynccontextmanager
async def managed() -> AsyncIterator[Any]:
    yield graph


async def fails_once_to_be_made() -> Any:
    fail_once({})
    return graph
