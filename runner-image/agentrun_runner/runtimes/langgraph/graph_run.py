"""One run of a graph on its thread: input in, events out, a result at the end."""

import asyncio
import uuid
from collections.abc import AsyncGenerator, Callable
from contextlib import AsyncExitStack, aclosing, suppress
from typing import Any, cast, get_type_hints

from langchain_core.runnables import RunnableConfig
from langgraph.errors import EmptyInputError, GraphRecursionError, InvalidUpdateError
from langgraph.graph.state import CompiledStateGraph
from langgraph.types import RetryPolicy, StateSnapshot

from agentrun_store.errors import StoreError
from agentrun_store.run_thread import RunThread

from ... import events, runfile
from ...encoding import shortened
from ...python_agent.failures import InvalidInputError, brief
from ...result import Result
from .breakpoints import Graph
from .declared import DeclaredTypes
from .entry import EntryPoint, entry_point_of, where_it_stands
from .failures import CheckpointRefusedError
from .fork import hidden_runs
from .loading import make_graph
from .messages import jsonable
from .questions import questions_of
from .saver import OlderRuns, RunSaver
from .state_model import raise_if_stored_state_is_refused
from .stop_gate import StopGate

_MAX_CUSTOM_BYTES = 16 * 1024  # of one event; a node may write many


async def run_graph(
    run: runfile.Run,
    runtime: runfile.Langgraph,
    candidate: object,
    stopping: Callable[[], bool],
) -> Result:
    """Run the graph until it has ended or waits for an answer.

    Raises:
        GraphImportError, InvalidInputError, CheckpointRefusedError, StoreError: as
            `failures.result_of` explains them.
        CancelledError: the run is being stopped.
        Exception: whatever the graph's code raised.
    """
    thread = RunThread(runfile.STORE, run.thread, run.uid)
    config = graph_config(run, thread)
    config["callbacks"] = [StopGate(stopping)]
    async with AsyncExitStack() as stack:
        # Before any node runs: the pod of a rolled-back run must do nothing.
        thread.thread.refuse_rolled_back(thread.run)
        graph = await make_graph(candidate, config, stack)
        declared = DeclaredTypes(graph, runtime)
        hidden = hidden_runs(thread, run.checkpoint)
        saver = RunSaver(thread, declared, hidden)
        older = OlderRuns(thread, declared, hidden)
        graph = graph.copy({"checkpointer": saver})
        try:
            start = await entry_point_of(graph, saver, older, run, thread, config)
        except Exception as error:
            at = where_it_stands(run, thread, config)
            await raise_if_stored_state_is_refused(graph, saver, at, None, error)
            raise
        if start is not None:
            await _stream(graph, saver, run, start, stopping)
        # A fork whose graph asked again has no checkpoint of its own: the newest is another line's.
        state = await graph.aget_state(where_it_stands(run, thread, config), subgraphs=True)
        waits_for = await _interrupts(saver, state)
    result: Result = {"result": "Succeeded"}
    if waits_for:
        result["interrupts"] = waits_for
    if not waits_for or _output_is_state(graph):
        result["output"] = jsonable(_output(graph, state.values))
    return result


def graph_config(run: runfile.Run, thread: RunThread) -> RunnableConfig:
    """The run's LangGraph config. Its thread and run override those in `configurable`."""
    config = RunnableConfig(
        configurable={**run.configurable, "thread_id": thread.thread_id},
        run_id=uuid.UUID(thread.run),
        metadata={"run_id": run.uid},
    )
    if run.recursion_limit is not None:
        config["recursion_limit"] = run.recursion_limit
    return config


async def _stream(
    graph: Graph, saver: RunSaver, run: runfile.Run, start: EntryPoint, stopping: Callable[[], bool]
) -> None:
    reached_a_node = False
    chunks = cast(
        AsyncGenerator[tuple[str, Any], None],
        graph.astream(
            start.input, start.config, stream_mode=["updates", "custom", "tasks"], durability="sync"
        ),
    )
    try:
        async with aclosing(chunks):
            async for mode, data in chunks:
                # A node may swallow the cancellation: the graph must still not begin another step.
                if stopping():
                    raise asyncio.CancelledError
                reached_a_node = True
                if mode == "updates":
                    _report(data)
                elif mode == "custom":  # from a node's get_stream_writer()
                    events.emit("custom", data=shortened(jsonable(data), _MAX_CUSTOM_BYTES))
    except (StoreError, CheckpointRefusedError, OSError, GraphRecursionError):
        raise
    except Exception as error:
        # "tasks" says when a node begins. Before the first one, an error is a refusal of the input:
        # by a channel, a reducer, a state model, or the edge that reads it. But that edge may also
        # call a model that is briefly unavailable.
        if reached_a_node or not _is_final(error):
            raise
        if isinstance(error, EmptyInputError) and start.input is None:
            raise InvalidInputError(
                "spec.input is missing, and the thread has no state to resume from"
                + _expected(graph)
            ) from error
        await raise_if_stored_state_is_refused(graph, saver, start.config, start.input, error)
        if run.resumes:
            raise InvalidInputError(f"the graph refused spec.resume: {brief(error)}") from error
        if run.input is not None:
            raise InvalidInputError(
                f"the graph refused spec.input: {brief(error)}{_expected(graph)}"
            ) from error
        raise


def _is_final(error: Exception) -> bool:
    """Whether a retry would end the same way, as far as LangGraph knows."""
    may_pass = cast(Callable[[Exception], bool], RetryPolicy().retry_on)
    return isinstance(error, EmptyInputError | InvalidUpdateError) or not may_pass(error)


def _report(update: dict[str, Any]) -> None:
    if "__interrupt__" in update:
        asked = [{"id": i.id, "value": jsonable(i.value)} for i in update["__interrupt__"]]
        events.emit("interrupt", data=asked)
    else:
        events.emit("updates", data=jsonable(update))


def _output_is_state(graph: Graph) -> bool:
    """Whether the output is (part of) the state that the graph works on.

    Otherwise a graph writes it when it ends: the output of a paused graph is an older run's.
    """
    if not isinstance(graph, CompiledStateGraph):
        return False
    return graph.builder.output_schema is graph.builder.state_schema


def _output(graph: Graph, values: Any) -> Any:
    """The value that `invoke` would return: the part of the state in the graph's output schema."""
    keys = graph.output_channels
    if not isinstance(values, dict) or isinstance(keys, str):
        return values
    return {key: values[key] for key in keys if key in values}


async def _interrupts(saver: RunSaver, state: StateSnapshot) -> list[dict[str, Any]]:
    """The interrupts that the graph waits at, or the nodes behind a static breakpoint."""
    asked = [
        {"id": question.id, "node": question.node, "value": jsonable(question.value)}
        async for question in questions_of(saver, state)
        if not question.answered
    ]
    return asked or [{"node": node} for node in state.next]


def _expected(graph: Graph) -> str:
    """The keys that the graph accepts, for the end of a message; empty if it declares none."""
    if isinstance(graph, CompiledStateGraph):
        with suppress(Exception):  # annotations are code, and this is only for a message
            return f"; give an object with {', '.join(get_type_hints(graph.builder.input_schema))}"
    return ""
