"""No node begins once the run is being stopped, at any depth.

As a rule the cancellations and exceptions of `main_thread` stop a graph. But a node may swallow
them, and a graph that a node calls has steps of its own, which the outer graph does not see.
"""

from collections.abc import Callable
from typing import Any

from langchain_core.callbacks import BaseCallbackHandler

from ...python_agent.main_thread import Stopped

_NODE_TAG = "graph:step:"  # LangGraph's tag on the start of a node


class StopGate(BaseCallbackHandler):
    """A callback handler: LangChain calls it at each start, also below a node."""

    raise_error = True
    run_inline = True

    def __init__(self, stopping: Callable[[], bool]) -> None:
        self._stopping = stopping

    def on_chain_start(self, *_: Any, tags: list[str] | None = None, **__: Any) -> None:
        """Refuse nodes only: any other chain may be the clean-up of one."""
        if self._stopping() and any(tag.startswith(_NODE_TAG) for tag in tags or ()):
            raise Stopped
