"""How the supervisor tells the process of a graph to stop, besides SIGTERM.

A library may install its own handler for SIGTERM, ignore it, or block it. Nothing of the agent's
touches this pipe: it has no more to say than that it is closed, which is also so when the
supervisor is dead.
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
        """Tell it."""
        os.close(self._write_fd)

    def hand_on(self) -> None:
        """Let the program that this process is about to execute `inherited_stop_fd`."""
        os.set_inheritable(self._read_fd, True)
        os.environ[_FD_VARIABLE] = str(self._read_fd)


def inherited_stop_fd() -> int:
    """What can be read, as at its end, when this process must stop. Not for what it starts."""
    fd = int(os.environ.pop(_FD_VARIABLE))
    os.set_inheritable(fd, False)
    return fd
