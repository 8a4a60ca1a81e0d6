"""Runs a LangGraph graph. This file belongs to the supervisor: standard library only."""

import os
import sys
from pathlib import Path
from typing import NoReturn

from ... import runfile
from ...result import ResultSlot
from ...stop_pipe import StopPipe

_OUR_PACKAGES = Path(__file__).parents[3]


def exec_graph(_: runfile.Run, slot: ResultSlot, stop_pipe: StopPipe) -> NoReturn:
    """Turn this process, which the supervisor has forked, into the one that runs the graph.

    Python finds modules in the Agent's code, the image's working directory and PYTHONPATH. The
    runner's own directory comes first, so that the agent's code cannot hide the runner's modules.
    """
    path = [str(_OUR_PACKAGES), str(runfile.CODE), os.getcwd()]  # noqa: PTH109 - text is wanted
    if theirs := os.environ.get("PYTHONPATH"):
        path.append(theirs)
    os.environ["PYTHONPATH"] = os.pathsep.join(path)
    slot.hand_on()
    stop_pipe.hand_on()
    python = sys.executable
    os.execv(python, [python, "-P", "-m", "agentrun_runner.runtimes.langgraph"])  # noqa: S606
