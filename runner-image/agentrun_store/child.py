"""Work in a process of its own, which can be killed, and whose memory has a bound."""

import ctypes
import json
import os
import resource
import select
import signal
import sys
import time
from collections.abc import Callable
from pathlib import Path
from types import TracebackType
from typing import Any

Message = dict[str, Any]
Send = Callable[[Message], None]

_PR_SET_PDEATHSIG = 1
_STEP = 1 << 16  # bytes


class Child:
    """A process that does some work and sends messages. Its `with` kills it at the end."""

    def __init__(self, work: Callable[[Send], None], memory: int) -> None:
        """`memory`: bytes that it may use beyond those of this process.

        Raises OSError. An exception in `work` ends the child with exit code 1 and no message.
        """
        self._read, write = os.pipe()
        self._received = b""
        parent = os.getpid()
        self._pid = os.fork()
        if self._pid == 0:
            _run(work, write, memory, parent)
        os.close(write)

    def receive(self, until: float) -> Message | None:
        """The next message; None when the child has ended without one.

        Raises TimeoutError at `until`, a time of the monotonic clock.
        """
        while b"\n" not in self._received:
            left = until - time.monotonic()
            if left <= 0 or not select.select([self._read], [], [], left)[0]:
                raise TimeoutError
            data = os.read(self._read, _STEP)
            if not data:
                return None
            self._received += data
        line, _, self._received = self._received.partition(b"\n")
        message: Message = json.loads(line)
        return message

    def __enter__(self) -> "Child":
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        os.close(self._read)
        os.kill(self._pid, signal.SIGKILL)  # no other process can have its number before `waitpid`
        os.waitpid(self._pid, 0)


def _run(work: Callable[[Send], None], write: int, memory: int, parent: int) -> None:
    code = 1
    try:
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
        if os.getppid() != parent:
            return
        pages = int(Path("/proc/self/statm").read_text().split()[0])
        most = pages * resource.getpagesize() + memory
        resource.setrlimit(resource.RLIMIT_AS, (most, most))

        def send(message: Message) -> None:
            os.write(write, json.dumps(message).encode() + b"\n")

        work(send)
        code = 0
    except Exception as error:
        print(f"{type(error).__name__}: {error!a}", file=sys.stderr)
    finally:
        os._exit(code)
