"""What an exception means for the run."""

from traceback import walk_tb

from langgraph.errors import GraphRecursionError

from agentrun_store.errors import RunRolledBackError, StoreError

from ..result import Result, failed


class GraphImportError(Exception):
    """The graph cannot be had. The text names the field and the fix."""


class GraphFactoryError(Exception):
    """The function that makes the graph failed, which another try may mend: what it connects to
    may not be up yet. The text names the field."""


class InvalidInputError(Exception):
    """The graph does not take the run's input. The text says what it takes."""


class CheckpointRefusedError(StoreError):
    """The thread's stored state is not loaded, or the graph does not take it. The text says what
    of it, and the fix."""


def result_of(error: BaseException) -> Result:
    """The Failed result that tells of the exception."""
    match error:
        case GraphImportError():
            return failed("GraphImportFailed", str(error))
        case GraphFactoryError():
            return failed("AgentFailed", str(error))
        case InvalidInputError():
            return failed("InvalidInput", str(error))
        case CheckpointRefusedError():
            return failed("CheckpointRefused", str(error))
        case RunRolledBackError():
            return failed("RunRolledBack", str(error))
        case StoreError():
            return failed("StoreFailed", str(error))
        case OSError() if _came_from_the_store(error):
            return failed("StoreFailed", f"the checkpoint store cannot be used: {error}")
        case GraphRecursionError():
            return failed("AgentFailed", f"{brief(error)} (spec.config.recursionLimit)")
    return failed("AgentFailed", brief(error))


def what_to_trace(error: BaseException) -> BaseException | None:
    """The exception whose traceback shows somebody the place to look at."""
    if isinstance(
        error, GraphImportError | GraphFactoryError | InvalidInputError | CheckpointRefusedError
    ):
        return error.__cause__
    return error


def brief(error: BaseException) -> str:
    """Type and text, without the advice for other systems that LangGraph adds."""
    text = str(error).partition("\nFor troubleshooting")[0]
    return f"{type(error).__name__}: {text}" if text else type(error).__name__


def _came_from_the_store(error: BaseException) -> bool:
    modules = (frame.f_globals.get("__name__", "") for frame, _ in walk_tb(error.__traceback__))
    return any(module.startswith("agentrun_store") for module in modules)
