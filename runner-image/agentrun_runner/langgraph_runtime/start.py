"""How a run starts: with what, and from which checkpoint of its thread."""

from dataclasses import dataclass
from typing import Any

from langchain_core.runnables import RunnableConfig
from langgraph.types import Command

from agentrun_runner import runfile
from agentrun_runner.langgraph_runtime.breakpoints import Graph, came_to_breakpoint
from agentrun_runner.langgraph_runtime.failures import InvalidInputError
from agentrun_runner.langgraph_runtime.saver import RunSaver
from agentrun_store.summary import summary


@dataclass(frozen=True, slots=True)
class Start:
    """What the graph is called with, and from which checkpoint of the thread it goes on."""

    input: Any
    config: RunnableConfig


async def start_of(
    graph: Graph, saver: RunSaver, run: runfile.Run, config: RunnableConfig
) -> Start | None:
    """Where the run begins. None as input: go on from the checkpoint. None: it has ended before.

    A retry goes on from the run's own last checkpoint: its input, its answer and the checkpoint
    that it forked from are in what it wrote before.

    Raises:
        InvalidInputError: the thread has no such checkpoint, or no use for an answer.
    """
    _, written = summary(runfile.STORE, run.thread, run.uid)
    if written and await came_to_breakpoint(graph, saver, config, run.uid):
        return None
    if written:
        return Start(None, config)
    if run.checkpoint is not None:
        at = {"checkpoint_id": run.checkpoint, "checkpoint_ns": ""}
        config = RunnableConfig(**{**config, "configurable": {**config["configurable"], **at}})
        if not (await graph.aget_state(config)).created_at:
            raise InvalidInputError(
                f"spec.checkpoint.id: the thread has no checkpoint {run.checkpoint}"
            )
    if not run.resumes:
        return Start(run.input, config)
    if not (await graph.aget_state(config)).next:
        raise InvalidInputError(
            "spec.resume: the thread does not wait for an answer; give spec.input instead"
        )
    return Start(Command(resume=run.resume), config)
