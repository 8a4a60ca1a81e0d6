"""Static breakpoints: `interrupt_before` and `interrupt_after` of a compiled graph.

LangGraph does not record that it stopped at one, and passes it when it is called without input. A
retry is such a call, but must not pass it.
"""

from collections.abc import AsyncIterator, Iterable, Mapping
from typing import Any

from langchain_core.runnables import RunnableConfig
from langgraph.checkpoint.base import BaseCheckpointSaver, Checkpoint
from langgraph.checkpoint.serde.types import INTERRUPT
from langgraph.constants import TAG_HIDDEN
from langgraph.pregel import Pregel
from langgraph.types import StateSnapshot

Graph = Pregel[Any, Any, Any, Any]


async def came_to_breakpoint(
    graph: Graph, saver: BaseCheckpointSaver[Any], config: RunnableConfig, run: str
) -> bool:
    """Whether this run (a UID) has reached a breakpoint, of the graph or of a subgraph.

    A breakpoint at which an older run stopped does not count: this run was created to pass it.
    """
    state = await graph.aget_state(config, subgraphs=True)
    async for level, at in _levels(graph, state):
        if (at.metadata or {}).get("run_id") != run:
            continue
        saved = await saver.aget_tuple(at.config)
        if saved is None or not _moved_on(saved.checkpoint):
            continue
        if _matches_breakpoint(level, level.interrupt_before_nodes, at):
            return True
        if saved.metadata.get("source") == "loop" and at.parent_config:
            # The step that made this checkpoint is the next step of its parent.
            before = await graph.aget_state(at.parent_config)
            if _matches_breakpoint(level, level.interrupt_after_nodes, before):
                return True
    return False


async def _levels(graph: Graph, state: StateSnapshot) -> AsyncIterator[tuple[Graph, StateSnapshot]]:
    """The graph and its active subgraphs, each with its state."""
    yield graph, state
    subgraphs = {name: subgraph async for name, subgraph in graph.aget_subgraphs()}
    for task in state.tasks:
        subgraph = subgraphs.get(task.name)
        if isinstance(subgraph, Pregel) and isinstance(task.state, StateSnapshot):
            async for level in _levels(subgraph, task.state):
                yield level


def _moved_on(checkpoint: Checkpoint) -> bool:
    """Whether a channel has changed since the graph last passed one; LangGraph checks the same."""
    versions: Mapping[str, Any] = checkpoint["channel_versions"]
    seen = checkpoint["versions_seen"].get(INTERRUPT, {})
    return any(
        version > seen.get(channel, type(version)()) for channel, version in versions.items()
    )


def _matches_breakpoint(graph: Graph, breakpoints: Iterable[str], state: StateSnapshot) -> bool:
    """Whether the breakpoints name one of the nodes that the state's step runs."""
    nodes = {task.name for task in state.tasks}
    if breakpoints == "*":
        return any(TAG_HIDDEN not in (graph.nodes[node].tags or ()) for node in nodes)
    return not nodes.isdisjoint(breakpoints)
