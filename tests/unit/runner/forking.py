"""Runs of graphs without an import of LangGraph each: a process that has it forks for each run.

It forks the supervisor, with all its own code; only where the supervisor would execute a new Python
for the graph, it forks again. For tests of a graph's results; tests of processes, signals and the
start of Python use a fresh process.
"""

import array
import json
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

_SERVER_FD = "FORKING_FD"
_LONGEST = 1 << 20  # bytes of a request


class Forking:
    """The process that forks. One run at a time."""

    def __init__(self, connection: socket.socket) -> None:
        self._connection = connection

    def start(self, env: dict[str, str], directory: Path, stdout: int, stderr: int) -> int:
        """Start a supervisor. Returns its PID."""
        request = json.dumps({"env": env, "directory": str(directory)}).encode()
        fds = array.array("i", [stdout, stderr])
        rights = [(socket.SOL_SOCKET, socket.SCM_RIGHTS, fds)]
        self._connection.sendmsg([request], rights)
        return int(self._connection.recv(_LONGEST))

    def exit_code(self) -> int:
        """Wait for the end of the supervisor that was started last."""
        return int(self._connection.recv(_LONGEST))


@contextmanager
def forking() -> Iterator[Forking]:
    here, there = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    os.set_inheritable(there.fileno(), True)
    env = {
        "PATH": os.environ["PATH"],
        "PYTHONPATH": os.pathsep.join(sys.path),
        "LANGGRAPH_STRICT_MSGPACK": "true",  # as `load` sets it before the import
        _SERVER_FD: str(there.fileno()),
    }
    command = [sys.executable, "-m", "unit.runner.forking"]
    with here, subprocess.Popen(command, env=env, pass_fds=[there.fileno()]) as process:
        there.close()
        yield Forking(here)
        here.close()  # it ends
        process.wait()


def _serve(connection: socket.socket) -> None:
    # What the runs need, imported once.
    import agentrun_runner.runtimes.langgraph.agent  # noqa: F401
    from agentrun_runner import runtimes, supervisor  # noqa: F401

    fds = array.array("i")
    while True:
        request, ancillary, *_ = connection.recvmsg(_LONGEST, socket.CMSG_LEN(2 * fds.itemsize))
        if not request:
            return
        stdout, stderr = array.array("i", ancillary[0][2])
        pid = os.fork()
        if pid == 0:
            connection.close()
            _run(json.loads(request), stdout, stderr)
        os.close(stdout)
        os.close(stderr)
        connection.send(str(pid).encode())
        _, status = os.waitpid(pid, 0)
        connection.send(str(os.waitstatus_to_exitcode(status)).encode())


def _run(request: dict[str, Any], stdout: int, stderr: int) -> None:
    """As `agentrun_runner/__main__.py`."""
    code = 1
    try:
        os.dup2(stdout, 1)
        os.dup2(stderr, 2)
        os.chdir(request["directory"])
        os.environ.clear()
        os.environ.update(request["env"])

        from agentrun_runner import runfile, runtimes, supervisor, termination_report
        from agentrun_runner.signals import SignalQueue

        # What these modules have taken from the environment when they were imported.
        runfile.ROOT = Path(os.environ["AGENTRUN_ROOT"])
        runfile.STORE, runfile.CODE = runfile.ROOT / "store", runfile.ROOT / "code"
        runfile.RUN_FILE = runfile.ROOT / "run" / "run.json"
        termination_report.TERMINATION_LOG = Path(os.environ["AGENTRUN_TERMINATION_LOG"])
        runtimes.RUNTIMES[runfile.Langgraph] = runtimes.Runtime(
            _run_graph,
            runtimes.RUNTIMES[runfile.Langgraph].process,
            exits_with_success=False,
        )
        signals = SignalQueue()
        os.umask(0o002)
        code = supervisor.main(signals)
    except BaseException:
        sys.excepthook(*sys.exc_info())
    finally:
        os._exit(code)


def _run_graph(_: Any, slot: Any, stop_pipe: Any) -> None:
    """As `exec_graph`, and the Python that it executes."""
    import atexit
    import threading

    from agentrun_runner import runfile
    from agentrun_runner.python_agent import child
    from agentrun_runner.runtimes.langgraph.__main__ import load

    theirs = os.environ.get("PYTHONPATH", "").split(os.pathsep)
    sys.path[:] = [str(runfile.CODE), str(Path.cwd()), *filter(None, theirs), *sys.path]
    for ignored in (signal.SIGPIPE, signal.SIGXFSZ):  # as Python does when it starts
        signal.signal(ignored, signal.SIG_IGN)
    slot.hand_on()
    stop_pipe.hand_on()
    code = child.main(load)
    threading._shutdown()  # type: ignore[attr-defined]
    atexit._run_exitfuncs()
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(code)


if __name__ == "__main__":
    _serve(socket.socket(fileno=int(os.environ.pop(_SERVER_FD))))
