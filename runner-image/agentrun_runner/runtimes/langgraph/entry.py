"""How a run starts: its input, and the checkpoint of its thread."""

from dataclasses import dataclass
from typing import Any

from langchain_core.runnables import RunnableConfig
from langgraph.types import Command

from agentrun_store.run_thread import RunThread

from ... import runfile
from ...python_agent.failures import InvalidInputError
from .breakpoints import Graph, came_to_breakpoint
from .questions import answers_to, questions_of
from .saver import OlderRuns, RunSaver


@dataclass(frozen=True, slots=True)
class EntryPoint:
    """The input of the graph, and the checkpoint of the thread that it resumes from."""

    input: Any
    config: RunnableConfig


async def entry_point_of(
    graph: Graph,
    saver: RunSaver,
    older: OlderRuns,
    run: runfile.Run,
    thread: RunThread,
    config: RunnableConfig,
) -> EntryPoint | None:
    """The run's entry point; None if an earlier attempt has ended the run. With None as input the
    graph resumes from the checkpoint.

    A retry resumes from the run's own newest checkpoint, which has its input, its answer and the
    checkpoint that it forked from. As long as the run has no checkpoint of the graph itself, the
    retry begins like the first attempt.

    Raises:
        InvalidInputError: the thread has no such checkpoint, or no question for the answer.
    """
    last, written = thread.summary()
    config = where_it_stands(run, thread, config)
    if written and await came_to_breakpoint(graph, saver, config, run.uid):
        return None
    if last is not None:
        return EntryPoint(None, config)
    if run.checkpoint is not None and not (await graph.aget_state(config)).created_at:
        raise InvalidInputError(
            f"spec.checkpoint.id: the thread has no checkpoint {run.checkpoint}"
        )
    if run.resumes:
        return EntryPoint(await _answer(graph, saver, older, run, config), config)
    return EntryPoint(run.input, config)


def where_it_stands(run: runfile.Run, thread: RunThread, config: RunnableConfig) -> RunnableConfig:
    """The config of the run's own newest checkpoint, or else of the one that it starts from."""
    if run.checkpoint is None or thread.summary()[0] is not None:
        return config
    at = {"checkpoint_id": run.checkpoint, "checkpoint_ns": ""}
    return RunnableConfig(**{**config, "configurable": {**config["configurable"], **at}})


async def _answer(
    graph: Graph, saver: RunSaver, older: OlderRuns, run: runfile.Run, config: RunnableConfig
) -> Command[Any]:
    """The run's answers to earlier questions, without those that an earlier attempt has used.

    By id, also a single one: LangGraph would give an answer without id to the next question too.
    """
    before = await graph.copy({"checkpointer": older}).aget_state(config, subgraphs=True)
    if not before.next:
        raise InvalidInputError(
            "spec.resume: the thread does not wait for an answer; give spec.input instead"
        )
    asked = [question async for question in questions_of(older, before)]
    answers = answers_to(asked, run.resume)
    now = await graph.aget_state(config, subgraphs=True)
    unused = {question.id async for question in questions_of(saver, now) if not question.answered}
    return Command(resume={id: answer for id, answer in answers.items() if id in unused})
