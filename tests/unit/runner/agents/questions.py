"""Graphs of the runner's tests that get an answer in pods that then end badly."""

import os
import re
import resource
import signal
import time
from pathlib import Path
from typing import Any, TypedDict

from langgraph.graph import START, StateGraph
from langgraph.types import interrupt

from unit.runner.agents.gates import as_a_node, fails_to_close_once, first_time
from unit.runner.agents.graphs import State, add_one, asks_twice, chain, fail, fan_out


class Left(TypedDict, total=False):
    left: Any


class Right(TypedDict, total=False):
    right: Any


def logs(segments: str) -> bytes:
    """The logs of the segments that match."""
    return b"".join(log.read_bytes() for log in Path("store").rglob(f"{segments}/checkpoints.log"))


def be_killed() -> None:
    os.kill(os.getpid(), signal.SIGKILL)


def ask_twice(_: State) -> State:
    return {"left": [interrupt("drop the table?"), interrupt("drop the database?")]}


def be_killed_when_the_other_has_asked_again(_: State) -> State:
    interrupt("shall I work?")
    if not Path("killed").exists():
        while b"drop the database?" not in logs("*"):
            time.sleep(0.01)
        Path("killed").touch()
        be_killed()
    return {"right": "worked"}


def large_state(_: State) -> State:
    return {"left": "x" * 100_000}


def ask_on_a_full_disk(_: State) -> State:
    answer = interrupt("really?")
    if first_time("full"):
        # Room for the pending write of this answer, and not for the checkpoint with its 100 KB.
        resource.setrlimit(resource.RLIMIT_FSIZE, (30_000, 30_000))
    return {"answer": answer}


def ask_and_fail_in_between(_: State) -> State:
    first = interrupt("first?")
    if first_time("failed"):
        raise ConnectionError("the model is away")
    return {"answer": [first, interrupt("second?")]}


def ask_one(_: Left) -> Left:
    return {"left": interrupt("one?")}


def ask_two(_: Right) -> Right:
    return {"right": interrupt("two?")}


def be_killed_once(_: Left) -> Left:
    if first_time("killed"):
        be_killed()
    return {}


def go_on(_: Left) -> Left:
    return {}


def ask_two_and_be_killed_when_the_other_has_gone_on(_: Right) -> Right:
    answer = interrupt("two?")
    if not Path("killed").exists():
        while not re.search(rb'"ns":"one[^"]*","id":"[^"]*","parent"', logs("000002-*")):
            time.sleep(0.01)
        Path("killed").touch()
        be_killed()
    return {"right": answer}


def ask_about_a_failure(state: State) -> State:
    try:
        unreliable.invoke(state)
    except ValueError:
        return {"answer": interrupt("go on without it?")}
    return {}


asks_twice_and_fails_to_close = fails_to_close_once(asks_twice)
asks_beside_work = fan_out(ask_twice, be_killed_when_the_other_has_asked_again)
asks_on_a_full_disk = chain(large_state, ask_on_a_full_disk)
fails_in_between = chain(ask_and_fail_in_between)
unreliable = chain(add_one, fail).compile()
asks_about_a_failure = chain(ask_about_a_failure)
one_then_two = as_a_node(chain(ask_one, be_killed_once, ask_two).compile())
one_beside_two: StateGraph[Any, Any, Any, Any] = StateGraph(State)
one_beside_two.add_node("one", chain(ask_one, go_on, schema=Left).compile())
one_beside_two.add_node(
    "two", chain(ask_two_and_be_killed_when_the_other_has_gone_on, schema=Right).compile()
)
one_beside_two.add_edge(START, "one")
one_beside_two.add_edge(START, "two")
