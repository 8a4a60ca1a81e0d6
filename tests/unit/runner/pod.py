"""A pod without Kubernetes: the contract's directories, and the supervisor as a real process."""

import json
import os
import select
import signal
import subprocess
import sys
import time
import uuid
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import agentrun_runner
from unit.runner.forking import Forking

RUNNER = Path(agentrun_runner.__file__).parent
AGENTS = Path(__file__).parent / "agents"
TESTS = Path(__file__).parents[2]
PATIENCE = 20.0  # seconds after which a test gives up; a working run needs far fewer

_AS_PID_ONE = ["unshare", "--pid", "--fork", "--mount-proc", "--kill-child"]
# What a shell ignores that runs the tests in the background, a container does not.
_UNIGNORED = ["env", "--default-signal=HUP,INT,QUIT"]
_UNPRIVILEGED = ["setpriv", "--bounding-set=-all", "--inh-caps=-all"]
_AS_ROOT = ["--user", "--map-root-user"]


MakePod = Callable[..., "Pod"]


class Pod:
    """The pod as the operator would create it. A second start is a retry."""

    def __init__(
        self,
        root: Path,
        run: object,
        *,
        thread: str = "threads/talk",
        uid: str | None = None,
        grace: float = 5,
        forking: Forking | None = None,
        **env: str,
    ) -> None:
        """`forking`: `run` takes no fresh process."""
        self.root = root
        self._forking = forking
        self.uid = uid or str(uuid.uuid4())
        self.termination_log = root / "termination-log"
        self.thread_dir = root / "store" / thread
        (root / "store").mkdir(exist_ok=True)
        (root / "run").mkdir(exist_ok=True)
        (root / "run" / "run.json").write_text(json.dumps(run))
        if not (root / "code").exists():
            (root / "code").symlink_to(AGENTS)
        self.env = {
            "PATH": os.environ["PATH"],
            "PYTHONPATH": str(TESTS),  # as an Agent may set it: the supervisor must not care
            "PYTHONUNBUFFERED": "1",  # as the image sets it
            "AGENTRUN_ROOT": str(root),
            "AGENTRUN_TERMINATION_LOG": str(self.termination_log),
            "AGENTRUN_NAME": "try",
            "AGENTRUN_NAMESPACE": "default",
            "AGENTRUN_UID": self.uid,
            "AGENTRUN_THREAD": thread,
            "AGENTRUN_GRACE_PERIOD_SECONDS": str(grace),
            **env,
        }
        self._started: list[Running] = []

    def start(
        self, *arguments: str, pid_one: bool = False, unprivileged: bool = False
    ) -> "Running":
        """Start the supervisor as the image does, if wanted as PID 1 of a namespace of its own, and
        if wanted without the capabilities that the tests may have."""
        command = [*_UNIGNORED, sys.executable, "-I", "-S", str(RUNNER), *arguments]
        if unprivileged and os.geteuid() == 0:
            command = [*_UNPRIVILEGED, *command]
        if pid_one:
            command = [*_AS_PID_ONE, *([] if os.geteuid() == 0 else _AS_ROOT), *command]
        running = Running(self, command, pid_one)
        self._started.append(running)
        return running

    def run(self, *arguments: str) -> "Ended":
        """Start it and wait for its end."""
        if self._forking is None or arguments:
            return self.start(*arguments).end()
        return self._run_forked(self._forking)

    def _run_forked(self, forking: Forking) -> "Ended":
        stderr = self.root / "stderr"
        read, write = os.pipe()
        with stderr.open("wb") as errors, os.fdopen(read, "rb") as stdout:
            pid = forking.start(self.env, self.root, write, errors.fileno())
            os.close(write)
            output = b""
            while select.select([stdout], [], [], PATIENCE)[0]:
                data = os.read(read, 1 << 16)
                if not data:
                    break
                output += data
            else:
                for one in [*_descendants(pid), pid]:
                    os.kill(one, signal.SIGKILL)
                forking.exit_code()
                raise AssertionError(f"it does not end: {output!r}; {stderr.read_text()}")
        lines = output.decode().splitlines()
        return Ended(self, forking.exit_code(), lines, stderr.read_text(), 0.0)

    def close(self) -> None:
        """Kill the processes that a failed test has left."""
        for running in self._started:
            running.close()


class Running:
    """A pod whose supervisor runs."""

    def __init__(self, pod: Pod, command: list[str], pid_one: bool) -> None:
        self.pod = pod
        self._lines: list[str] = []
        self._unread = b""
        self._pid_one = pid_one
        self._stopped_at: float | None = None
        self._stderr = pod.root / "stderr"
        with self._stderr.open("wb") as stderr:
            self._process = subprocess.Popen(
                command, env=pod.env, cwd=pod.root, stdout=subprocess.PIPE, stderr=stderr
            )

    @property
    def supervisor(self) -> int:
        """The PID of the supervisor, as seen from here."""
        if not self._pid_one:
            return self._process.pid
        until(lambda: bool(children(self._process.pid)))
        return children(self._process.pid)[0]

    def wait_for(self, text: str) -> None:
        """Wait until stdout has another line with the text in it."""
        while line := self._read_line():
            if text in line:
                return
        raise AssertionError(f"no {text!r} in {self._lines}; {self._stderr.read_text()}")

    def stop(self) -> None:
        """SIGTERM, as the kubelet sends it."""
        self._stopped_at = time.monotonic()
        self.signal(signal.SIGTERM)

    def signal(self, signum: int) -> None:
        os.kill(self.supervisor, signum)

    def end(self) -> "Ended":
        """Wait for the supervisor's end."""
        while self._read_line():
            pass
        exit_code = self._process.wait(PATIENCE)
        seconds = time.monotonic() - (self._stopped_at or time.monotonic())
        return Ended(self.pod, exit_code, self._lines, self._stderr.read_text(), seconds)

    def close(self) -> None:
        if self._process.poll() is None:
            for pid in [*_descendants(self._process.pid), self._process.pid]:
                with suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGKILL)
            self._process.wait(PATIENCE)
        if self._process.stdout:
            self._process.stdout.close()

    def _read_line(self) -> str:
        """The next line of stdout; empty at the end."""
        assert self._process.stdout
        while b"\n" not in self._unread:
            assert select.select([self._process.stdout], [], [], PATIENCE)[0], self._lines
            data = os.read(self._process.stdout.fileno(), 1 << 16)
            if not data:
                return ""
            self._unread += data
        line, _, self._unread = self._unread.partition(b"\n")
        self._lines.append(line.decode())
        return line.decode() + "\n"


class Ended:
    """The exit code, output and report of an ended pod."""

    def __init__(
        self, pod: Pod, exit_code: int, lines: list[str], stderr: str, seconds: float
    ) -> None:
        self.pod = pod
        self.exit_code = exit_code
        self.lines = [line for line in lines if line]
        self.stderr = stderr
        self.seconds = seconds
        """From SIGTERM to the end."""
        self.message = b""
        """The termination message."""
        if pod.termination_log.is_file():
            self.message = pod.termination_log.read_bytes()

    @property
    def report(self) -> dict[str, Any]:
        report: dict[str, Any] = json.loads(self.message.splitlines()[-1])
        return report

    def events(self, name: str) -> list[dict[str, Any]]:
        """The events of that name on stdout."""
        lines = [json.loads(line) for line in self.lines if line.startswith("{")]
        return [event for event in lines if event["event"] == name]

    def verdict(self) -> tuple[int, str, str | None]:
        """Exit code, result and reason."""
        return self.exit_code, self.report["result"], self.report.get("reason")


def until(condition: Callable[[], bool]) -> None:
    """Wait until the condition holds, by polling."""
    give_up_at = time.monotonic() + PATIENCE
    while not condition():
        assert time.monotonic() < give_up_at


def children(pid: int) -> list[int]:
    """The PIDs of a process's children."""
    return [int(child) for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]


def descendant(pid: int, word: str) -> int:
    """The PID of the descendant that has the word in its command line, as soon as it has."""
    found: list[int] = []

    def look() -> bool:
        with suppress(OSError):  # one of them has just gone
            for candidate in _descendants(pid):
                if word in Path(f"/proc/{candidate}/cmdline").read_text().split("\0"):
                    found.append(candidate)
        return bool(found)

    until(look)
    return found[0]


def _descendants(pid: int) -> Iterator[int]:
    for child in children(pid):
        yield child
        yield from _descendants(child)


def await_death(pid: int) -> None:
    """Wait until the process is dead; it need not have been reaped."""
    try:
        fd = os.pidfd_open(pid)
    except ProcessLookupError:
        return
    try:
        assert select.select([fd], [], [], PATIENCE)[0], f"process {pid} is still alive"
    finally:
        os.close(fd)
