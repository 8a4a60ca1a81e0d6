"""Graphs of the runner's tests whose state has types of their own."""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum
from typing import Any, NamedTuple, NewType, TypedDict

import pydantic.v1
from langgraph.func import entrypoint, task
from langgraph.graph import StateGraph
from langgraph.types import interrupt
from pydantic import BaseModel

from unit.runner.agents.graphs import chain


class Colour(Enum):
    RED = "red"


class Point(NamedTuple):
    x: int
    y: int


class Leaf(BaseModel):
    colour: Colour


class Old(pydantic.v1.BaseModel):
    n: int


@dataclass
class Tree:
    leaves: list[Leaf]


class Secret(BaseModel):
    """Only `Any` of the state can hold it."""

    text: str


Corner = NewType("Corner", Point)


class Typed(TypedDict, total=False):
    trees: Sequence[Tree]
    corner: Corner | None
    old: Old
    anything: Any


VALUES: Typed = {
    "trees": [Tree([Leaf(colour=Colour.RED)])],
    "corner": Corner(Point(1, 2)),
    "old": Old(n=1),
}


def make(_: Typed) -> Typed:
    return VALUES


def hide(_: Typed) -> Typed:
    return {"anything": Secret(text="x")}


def ask(_: Typed) -> Any:
    return {"anything": [interrupt("more?")]}


class Numbered(BaseModel):
    n: int
    text: str = ""


def break_the_state(_: Numbered) -> Any:
    return {"n": "not a number"}


@task
def guess(number: int) -> Leaf:
    return Leaf(colour=Colour.RED)


@entrypoint()
def asks_or_ends(number: int) -> str:
    guessed = guess(number).result()
    return str(interrupt("which?")) if number else guessed.colour.value


class Chosen(TypedDict):
    text: str


class Work(Chosen):
    n: int


def choose(state: Work) -> Any:
    return {"text": f"chosen {state['n']}" if state["n"] < 2 else interrupt("which?")}


inner: StateGraph[Any, Any, Any, Any] = chain(make, schema=Typed)


class Outer(TypedDict, total=False):
    trees: Any


outer = StateGraph(Outer).add_node("inner", inner.compile()).set_entry_point("inner")

typed = chain(make, ask, schema=Typed)
hides = chain(hide, ask, schema=Typed)
breaks_the_state = chain(break_the_state, schema=Numbered)
chooses = StateGraph(Work, output_schema=Chosen).add_node(choose).set_entry_point("choose")
