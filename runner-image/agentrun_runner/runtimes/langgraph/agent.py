"""A LangGraph graph, as the agent of one run."""

from collections.abc import Callable
from typing import Any

from ... import runfile
from ...result import Result
from .failures import result_of, what_to_trace
from .graph_run import run_graph
from .loading import import_graph


class GraphAgent:
    """See `python_agent.child.Agent`."""

    result_of = staticmethod(result_of)
    what_to_trace = staticmethod(what_to_trace)

    def __init__(self, run: runfile.Run) -> None:
        if not isinstance(run.runtime, runfile.Langgraph):
            raise TypeError(run.runtime)
        self._run = run
        self._runtime = run.runtime

    def import_it(self) -> Any:
        """Import the object that the Agent's `graph` field names."""
        return import_graph(self._runtime.graph)

    async def run(self, imported: Any, stopping: Callable[[], bool]) -> Result:
        """Run the graph until it has ended or waits for an answer."""
        return await run_graph(self._run, self._runtime, imported, stopping)
