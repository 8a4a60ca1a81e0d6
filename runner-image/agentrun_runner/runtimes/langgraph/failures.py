"""What an exception means for a run of a LangGraph graph."""

from langgraph.errors import GraphRecursionError

from agentrun_store.errors import StoreError

from ...python_agent import failures
from ...python_agent.failures import AgentImportError, InvalidInputError, brief
from ...result import Result, failed


class GraphFactoryError(Exception):
    """The function that makes the graph failed. A retry may succeed: a server that the function
    connects to may not be up yet. The text names the field."""


class CheckpointRefusedError(StoreError):
    """The runner does not load the thread's stored state, or the graph refuses it. The text names
    the part of it, and the fix."""


def result_of(error: BaseException) -> Result:
    """The Failed result for the exception."""
    match error:
        case AgentImportError():
            return failed("GraphImportFailed", str(error))
        case GraphFactoryError():
            return failed("AgentFailed", str(error))
        case CheckpointRefusedError():
            return failed("CheckpointRefused", str(error))
        case GraphRecursionError():
            return failed("AgentFailed", f"{brief(error)} (spec.config.recursionLimit)")
    return failures.result_of(error)


def what_to_trace(error: BaseException) -> BaseException | None:
    """The exception whose traceback helps the user to find the cause; None if the message of the
    result is enough."""
    if isinstance(
        error, AgentImportError | GraphFactoryError | InvalidInputError | CheckpointRefusedError
    ):
        return error.__cause__
    return error
