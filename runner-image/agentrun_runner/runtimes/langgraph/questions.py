"""The questions that nodes ask with `interrupt()`, and the run's answers to them."""

import re
from collections.abc import AsyncIterator, Collection
from typing import Any, NamedTuple

from langgraph.checkpoint.base import BaseCheckpointSaver
from langgraph.checkpoint.serde.types import RESUME
from langgraph.types import Interrupt, PregelTask, StateSnapshot

from ...python_agent.failures import InvalidInputError

_ID = re.compile("[0-9a-f]{32}")


class Question(NamedTuple):
    """The last question of an unfinished node."""

    id: str
    node: str
    """The node of the graph itself, also if one of its subgraph asks."""
    value: Any
    answered: bool
    """Whether its node got the answer and then failed. LangGraph still considers it open, and gives
    a second answer to the node's next question."""


async def questions_of(
    saver: BaseCheckpointSaver[Any], state: StateSnapshot
) -> AsyncIterator[Question]:
    """The questions of the state (read with its subgraphs), each from the graph that asked it.

    A graph repeats its subgraph's questions, and does not notice that one of them has its answer
    before the subgraph has ended.
    """
    saved = await saver.aget_tuple(state.config)
    writes = saved.pending_writes if saved else None
    taken = {
        task: len(answers)
        for task, channel, answers in writes or []
        if channel == RESUME and isinstance(answers, list)
    }
    for task in state.tasks:
        if task.result is not None:  # finished; an older checkpoint still has its question
            continue
        subgraph = task.state if isinstance(task.state, StateSnapshot) else None
        if subgraph is not None:
            async for question in questions_of(saver, subgraph):
                yield question._replace(node=task.name)
        *answered, own = _ids(state, task, taken.get(task.id, 0))
        for interrupt in task.interrupts:
            if interrupt.id in (*answered, own) or not (subgraph and subgraph.tasks):
                yield Question(
                    interrupt.id, task.name, interrupt.value, answered=interrupt.id in answered
                )


def _ids(state: StateSnapshot, task: PregelTask, taken: int) -> list[str]:
    """LangGraph's ids of a task's own questions: those with an answer, and the next one.

    LangGraph makes them from the task's namespace and the number of its answers.
    """
    parent = state.config["configurable"]["checkpoint_ns"]
    ns = f"{parent}|{task.name}:{task.id}" if parent else f"{task.name}:{task.id}"
    spaces = [ns, *(f"{ns}|{number}" for number in range(1, taken + 1))]
    return [Interrupt.from_ns(None, space).id for space in spaces]


def answers_to(asked: Collection[Question], resume: Any) -> dict[str, Any]:
    """The answers by the ids of their questions; none at a breakpoint, which has no question.

    Raises:
        InvalidInputError: `spec.resume` has no ids for several questions, or ids that are not open.
    """
    ids = {question.id for question in asked if not question.answered}
    if isinstance(resume, dict) and resume and all(_ID.fullmatch(key) for key in resume):
        if unknown := resume.keys() - ids:
            raise InvalidInputError(
                f"spec.resume: the thread does not wait for an answer to {_listed(unknown)}; "
                f"open questions: {_listed(ids) or 'none'}"
            )
        return resume
    if asked and not ids:
        raise InvalidInputError(
            "spec.resume: the thread's question has its answer, from a run that ended before it "
            "advanced the thread; resume with a run that has neither spec.resume nor spec.input"
        )
    if len(ids) > 1:
        raise InvalidInputError(
            "spec.resume: the thread has several open questions; "
            f"give an object of answers by their ids: {_listed(ids)}"
        )
    return dict.fromkeys(ids, resume)


def _listed(ids: Collection[str]) -> str:
    return ", ".join(sorted(ids))
