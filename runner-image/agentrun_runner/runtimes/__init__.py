"""The runtimes of an Agent. A new one is a row of `RUNTIMES`. Standard library only."""

from collections.abc import Callable
from dataclasses import dataclass

from .. import runfile
from ..result import ResultSlot
from ..stop_pipe import StopPipe
from . import command, langgraph


@dataclass(frozen=True, slots=True)
class Runtime:
    """How the supervisor runs an agent."""

    exec: Callable[[runfile.Run, ResultSlot, StopPipe], None]
    """Turn this process, which the supervisor has forked, into the agent's."""
    process: str
    """What messages about its exit code call the process."""
    exits_with_success: bool
    """Whether exit code 0 means Succeeded; if not, the agent has to leave a result."""


RUNTIMES: dict[type[runfile.Runtime], Runtime] = {
    runfile.Command: Runtime(command.exec_program, "the command", exits_with_success=True),
    runfile.Langgraph: Runtime(
        langgraph.exec_graph,
        "the agent's process, before the graph had a result,",
        exits_with_success=False,
    ),
}


def runtime_of(run: runfile.Run) -> Runtime:
    """The runtime that the run file names."""
    return RUNTIMES[type(run.runtime)]
