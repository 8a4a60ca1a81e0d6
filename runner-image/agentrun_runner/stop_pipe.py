"""How the supervisor tells the process of a graph to stop, besides SIGTERM.

A library may install its own handler for SIGTERM, ignore it, or block it. No code of the agent's
uses this pipe. Its end means stop, also when it is closed because the supervisor is dead.
"""

import os
from typing import Self

_FD_VARIABLE = "AGENTRUN_STOP_FD"


class StopPipe:
    """The supervisor's end and the agent's end."""

    def __init__(self, read_fd: int, write_fd: int) -> None:
        self._read_fd = read_fd
        self._write_fd = write_fd

    @classmethod
    def create(cls) -> Self:
        return cls(*os.pipe2(os.O_CLOEXEC))

    def stop(self) -> None:
        """Close the supervisor's end: the process must stop."""
        os.close(self._write_fd)

    def hand_on(self) -> None:
        """Let the program that this process is about to execute call `inherited_stop_fd`."""
        os.set_inheritable(self._read_fd, True)
        os.environ[_FD_VARIABLE] = str(self._read_fd)


def inherited_stop_fd() -> int:
    """The pipe that ends when this process must stop. Programs that it starts do not get it."""
    fd = int(os.environ.pop(_FD_VARIABLE))
    os.set_inheritable(fd, False)
    return fd
