"""The child process that runs a graph."""

import os
import sys
import traceback

from ... import runfile
from ...python_agent import child
from ...result import Result, failed


def load(run: runfile.Run) -> child.Agent | Result:
    """Import LangGraph."""
    # Checkpoints are data: agents' own serializers are strict too, unless spec.env sets it.
    os.environ.setdefault("LANGGRAPH_STRICT_MSGPACK", "true")
    try:
        from .agent import GraphAgent
    except ImportError as error:
        traceback.print_exc()
        text = f"{sys.executable} cannot import LangGraph: {error}; build Agent spec.image FROM the"
        return failed("GraphImportFailed", f"{text} runner image, and install into its Python")
    return GraphAgent(run)


if __name__ == "__main__":
    sys.exit(child.main(load))
