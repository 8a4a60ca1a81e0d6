"""The child process that runs an agent. It writes its result into the slot that it inherits."""

import gc
import io
import sys
import traceback
from collections.abc import Callable
from typing import Any, Protocol

from .. import runfile
from ..result import STOPPED, Result, ResultSlot
from ..stop_pipe import inherited_stop_fd
from .main_thread import MainThread


class Agent(Protocol):
    """The agent of one run."""

    def import_it(self) -> Any:
        """Import the user's code, in the main thread, where a stop interrupts it."""

    async def run(self, imported: Any, stopping: Callable[[], bool]) -> Result:
        """Run the agent until it has ended or waits for an answer."""

    def result_of(self, error: BaseException) -> Result:
        """The Failed result for an exception of the two above."""

    def what_to_trace(self, error: BaseException) -> BaseException | None:
        """The exception whose traceback helps the user to find the cause, if any."""


def main(load: Callable[[runfile.Run], Agent | Result]) -> int:
    """Run the run file's agent. The exit code counts only when there is no result.

    `load` imports the framework, while SIGTERM simply ends the process; it returns a result when
    that fails. Once there is a result, the supervisor gives this process a second to end.
    """
    slot = ResultSlot.inherit()
    stop_fd = inherited_stop_fd()
    if isinstance(sys.stdout, io.TextIOWrapper):
        # Line-buffered: with the image's unbuffered output Python writes a line and its end
        # separately, and an event may come in between.
        sys.stdout.reconfigure(line_buffering=True, write_through=False)
    run = runfile.load()
    gc.disable()  # imports make no garbage, and collecting takes a tenth of their time
    agent = load(run)
    if isinstance(agent, dict):
        slot.seal(agent)
        return 1
    main_thread = MainThread(stop_fd)

    async def run_and_seal() -> None:
        slot.seal(await agent.run(imported, lambda: main_thread.stopping))

    try:
        imported = main_thread.call(agent.import_it)
        gc.freeze()
        gc.enable()
        main_thread.run(run_and_seal)
    except BaseException as error:
        if main_thread.stopping:
            slot.seal(STOPPED)
            return 143
        if cause := agent.what_to_trace(error):
            traceback.print_exception(cause)
        slot.seal(agent.result_of(error))
        return 1
    finally:
        gc.freeze()  # else the interpreter collects all libraries once more at its end: 0.2 s
    return 0
