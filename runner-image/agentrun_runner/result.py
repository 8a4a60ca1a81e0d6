"""How a child hands its result to the supervisor: complete or not at all, and never blocking.

The child writes JSON into a memory file and seals it. The seal is one system call, so a result of
any size is complete or absent, whatever happens to the child: the supervisor need not wait for it.
"""

import fcntl
import json
import os
import signal
from contextlib import suppress
from typing import Any, Self

from .encoding import fit

Result = dict[str, Any]

MAX_RESULT_BYTES = 4 * 1024 * 1024  # the supervisor holds it in memory, and logs it as one line
REASONS = (
    "AgentFailed",
    "CheckpointRefused",
    "GraphImportFailed",
    "InvalidInput",
    "InvalidRun",
    "RunRolledBack",
    "StoreFailed",
)
STOPPED: Result = {"result": "Stopped"}
"""The result that a stopped graph seals after its clean-up."""
_FD_VARIABLE = "AGENTRUN_RESULT_FD"
_SEALS = fcntl.F_SEAL_SEAL | fcntl.F_SEAL_WRITE | fcntl.F_SEAL_GROW | fcntl.F_SEAL_SHRINK


class ResultSlot:
    """Room for one result."""

    def __init__(self, fd: int) -> None:
        self._fd = fd

    @classmethod
    def create(cls) -> Self:
        return cls(os.memfd_create("agentrun-result", os.MFD_CLOEXEC | os.MFD_ALLOW_SEALING))

    def hand_on(self) -> None:
        """Let the program that this process is about to execute `inherit` the slot."""
        os.set_inheritable(self._fd, True)
        os.environ[_FD_VARIABLE] = str(self._fd)

    @classmethod
    def inherit(cls) -> Self:
        """The slot that was handed on; programs that the agent starts do not get it."""
        fd = int(os.environ.pop(_FD_VARIABLE))
        os.set_inheritable(fd, False)
        return cls(fd)

    def seal(self, result: Result) -> None:
        """Write the result, cut if it is too large, make it final, and wake the supervisor, which
        is this process's parent and waits for SIGCHLD. Only the first result counts."""
        if self.sealed():
            return
        with open(self._fd, "wb", closefd=False) as file:
            file.write(fit(result, MAX_RESULT_BYTES))
        fcntl.fcntl(self._fd, fcntl.F_ADD_SEALS, _SEALS)
        with suppress(OSError):  # of another user: it sees the child's end instead
            os.kill(os.getppid(), signal.SIGCHLD)

    def sealed(self) -> bool:
        """Whether there is a result."""
        return bool(fcntl.fcntl(self._fd, fcntl.F_GET_SEALS) & fcntl.F_SEAL_WRITE)

    def read(self) -> Result | None:
        """The result if it is complete, else None."""
        if not self.sealed():
            return None
        try:
            result = json.loads(os.pread(self._fd, MAX_RESULT_BYTES, 0))
        except (ValueError, RecursionError):
            result = None
        return result if isinstance(result, dict) else {}


def checked(result: Result) -> Result:
    """The result that an agent's process left, reduced to the fields that it may set.

    The process runs the agent's code, which can write anything into its slot.
    """
    match result:
        case {"result": "Succeeded"}:
            kept = {"output": result["output"]} if "output" in result else {}
            kept |= {f: True for f in ("outputTruncated", "interruptsTruncated") if f in result}
            asked = result.get("interrupts")
            if isinstance(asked, list) and all(isinstance(question, dict) for question in asked):
                kept["interrupts"] = asked
            return {"result": "Succeeded", **kept}
        case {"result": "Failed", "reason": str(reason), "message": str(message)}:
            return failed(reason if reason in REASONS else "AgentFailed", message)
    return failed("AgentFailed", "the agent's process left a result that cannot be read")


def failed(reason: str, message: str) -> Result:
    """The result of a run that failed."""
    return {"result": "Failed", "reason": reason, "message": message}
