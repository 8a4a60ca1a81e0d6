"""What an exception means for the run, whatever framework the agent uses."""

from traceback import walk_tb

from agentrun_store.errors import RunRolledBackError, StoreError

from ..result import Result, failed


class AgentImportError(Exception):
    """The agent cannot be imported or built. The text names the field and the fix."""


class InvalidInputError(Exception):
    """The agent refuses the run's input. The text says what it accepts."""


def result_of(error: BaseException) -> Result:
    """The Failed result for an exception of the store or of the agent's code."""
    match error:
        case InvalidInputError():
            return failed("InvalidInput", str(error))
        case RunRolledBackError():
            return failed("RunRolledBack", str(error))
        case StoreError():
            return failed("StoreFailed", str(error))
        case OSError() if _came_from_the_store(error):
            return failed("StoreFailed", f"the checkpoint store cannot be used: {error}")
    return failed("AgentFailed", brief(error))


def brief(error: BaseException) -> str:
    """Type and text of the exception, without LangGraph's advice for other systems."""
    text = str(error).partition("\nFor troubleshooting")[0]
    return f"{type(error).__name__}: {text}" if text else type(error).__name__


def _came_from_the_store(error: BaseException) -> bool:
    modules = (frame.f_globals.get("__name__", "") for frame, _ in walk_tb(error.__traceback__))
    return any(module.startswith("agentrun_store") for module in modules)
