"""The questions that nodes ask with `interrupt()`, and the run's answers to them."""

import re
from collections.abc import AsyncIterator, Collection
from typing import Any, NamedTuple

from langgraph.checkpoint.base import BaseCheckpointSaver
from langgraph.checkpoint.serde.types import RESUME
from langgraph.types import StateSnapshot

from agentrun_runner.langgraph_runtime.failures import InvalidInputError

_ID = re.compile("[0-9a-f]{32}")


class Question(NamedTuple):
    """A question that is open."""

    id: str
    task: str
    answered: int
    """How many answers the task has taken, which tells a question whose answer it took, and then
    failed, from one that is still to be answered: LangGraph takes both for open."""


async def open_questions(
    saver: BaseCheckpointSaver[Any], state: StateSnapshot
) -> AsyncIterator[Question]:
    """Those of the state (read with its subgraphs), from where they were asked.

    A graph repeats its subgraph's questions, and may end before it has heard of the answers.
    """
    saved = await saver.aget_tuple(state.config)
    writes = saved.pending_writes if saved else None
    taken = {
        task: len(answers)
        for task, channel, answers in writes or []
        if channel == RESUME and isinstance(answers, list)
    }
    for task in state.tasks:
        if isinstance(task.state, StateSnapshot) and task.state.tasks:
            async for question in open_questions(saver, task.state):
                yield question
        elif task.result is None:
            for interrupt in task.interrupts:
                yield Question(interrupt.id, task.id, taken.get(task.id, 0))


def answers_to(asked: Collection[Question], resume: Any) -> dict[str, Any]:
    """The answers by the ids of their questions; none at a breakpoint, where nothing is asked.

    Raises:
        InvalidInputError: `spec.resume` does not say what it answers, or answers something else.
    """
    ids = {question.id for question in asked}
    if isinstance(resume, dict) and resume and all(_ID.fullmatch(key) for key in resume):
        if unknown := resume.keys() - ids:
            raise InvalidInputError(
                f"spec.resume: the thread does not wait for an answer to {_listed(unknown)}; "
                f"the questions that it waits with: {_listed(ids) or 'none'}"
            )
        return resume
    if len(ids) > 1:
        raise InvalidInputError(
            "spec.resume: the thread waits with several questions; "
            f"give an object of answers by their ids: {_listed(ids)}"
        )
    return dict.fromkeys(ids, resume)


def _listed(ids: Collection[str]) -> str:
    return ", ".join(sorted(ids))
