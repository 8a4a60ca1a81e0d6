"""Two lines of one thread, from a checkpoint where both have answered or given an input.

LangGraph keeps these writes there, and rebuilds the DeltaChannels of both lines from them.
"""

import shutil
from collections.abc import Collection
from itertools import permutations
from pathlib import Path
from typing import Annotated, Any, TypedDict

import pytest
from langgraph.channels.delta import DeltaChannel
from langgraph.graph import START, StateGraph
from langgraph.types import Command, interrupt

from agentrun_store.checkpointer import StoreSaver
from agentrun_store.rollback import drop_run
from unit.store.graphs import CHAT, delta_run, extend, of_runs, pod, state, states
from unit.store.support import THREAD


class Asked(TypedDict, total=False):
    log: Annotated[list[str], DeltaChannel(extend, list)]
    loud: Annotated[list[str], DeltaChannel(extend, list)]


def ask(side: str) -> Any:
    """A node that writes more for one answer than for another."""

    def node(_: Asked) -> Asked:
        answer = interrupt(side)
        log = [f"{side} {answer}"]
        return {"log": log, "loud": log} if answer.isupper() else {"log": log}

    return node


GRAPH: StateGraph[Any, Any, Any, Any] = StateGraph(Asked)
GRAPH.add_node("left", ask("left"))
GRAPH.add_node("right", ask("right"))
GRAPH.add_edge(START, "left")
GRAPH.add_edge(START, "right")

INPUT = {"log": ["start"], "loud": ["START"]}
FORK = {"log": ["start", "left X", "right Y"], "loud": ["START", "left X", "right Y"]}
AFTER_FORK = FORK | {"log": [*FORK["log"], "later"]}


def run(
    root: Path, number: int, given: Any, at: Any = CHAT, without: Collection[int] = ()
) -> dict[str, Any]:
    hidden = [delta_run(each) for each in without]
    saver = pod(root, delta_run(number), hidden)
    output: dict[str, Any] = GRAPH.compile(checkpointer=saver).invoke(given, at)
    return output


def two_lines(root: Path, other: str) -> dict[str, Any]:
    """Run 0 asks, 1 and 2 advance the thread, 3 forks without these, 4 continues from there.

    Returns the states before the fork.
    """
    asked = {each.value: each.id for each in run(root, 0, INPUT)["__interrupt__"]}
    at = GRAPH.compile(checkpointer=StoreSaver(root)).get_state(CHAT).config
    if other == "answers":
        run(root, 1, Command(resume={asked["left"]: "a"}))
        run(root, 2, Command(resume={asked["right"]: "b"}))
    else:
        run(root, 1, {"log": ["other"]})
        run(root, 2, {"log": ["more"]})
    before = states(GRAPH, root)
    answers: Command[Any] = Command(resume={asked["left"]: "X", asked["right"]: "Y"})
    assert run(root, 3, answers, at, without=[1, 2]) == FORK
    later = run(root, 4, {"log": ["later"]})
    assert {channel: later[channel] for channel in AFTER_FORK} == AFTER_FORK
    return before


@pytest.mark.parametrize("other", ["answers", "input"])
def test_each_line_is_rebuilt_from_its_own_writes(other: str, tmp_path: Path) -> None:
    before = two_lines(tmp_path, other)
    now = states(GRAPH, tmp_path)
    assert {checkpoint: now[checkpoint] for checkpoint in before} == before
    assert FORK in now.values()
    assert state(GRAPH, StoreSaver(tmp_path)) == AFTER_FORK


@pytest.mark.parametrize("other", ["answers", "input"])
def test_rolling_back_runs_of_one_line_leaves_the_other_unchanged(
    other: str, tmp_path: Path
) -> None:
    """Failure mode 29."""
    start = tmp_path / "start"
    start.mkdir()
    two_lines(start, other)
    before = states(GRAPH, start)
    for order in permutations(range(4)):
        root = tmp_path / "".join(map(str, order))
        shutil.copytree(start, root)
        left = {0, 1, 2, 3, 4}
        for number in order:
            left.remove(number)
            theirs = of_runs(root, *left)
            drop_run(root, THREAD, delta_run(number))
            assert states(GRAPH, root) == {one: before[one] for one in theirs}, (order, number)


def test_a_copy_and_a_prune_preserve_the_newest_line(tmp_path: Path) -> None:
    two_lines(tmp_path, "answers")
    tool = StoreSaver(tmp_path)
    tool.copy_thread("chat", "copy")
    copy: Any = {"configurable": {"thread_id": "copy"}}
    assert GRAPH.compile(checkpointer=tool).get_state(copy).values == AFTER_FORK
    tool.prune(["chat"])
    assert state(GRAPH, tool) == AFTER_FORK
