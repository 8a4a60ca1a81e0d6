"""Running other programs: short ones quietly, long ones with progress output."""

import os
import subprocess
import sys
import time
from collections.abc import Mapping
from pathlib import Path

HEARTBEAT_SECONDS = 30


class CommandError(Exception):
    """A program ended with an error; the text names it and shows the end of its output."""


def say(text: str) -> None:
    """Print a step with the time of day."""
    print(f"[{time.strftime('%H:%M:%S')}] {text}", flush=True)


def run(
    *command: str | Path,
    env: Mapping[str, str] | None = None,
    cwd: Path | None = None,
    stdin: str | None = None,
) -> str:
    """Run a program and return its output. Raises CommandError."""
    result = subprocess.run(
        [str(part) for part in command],
        env={**os.environ, **(env or {})},
        cwd=cwd,
        input=stdin,
        capture_output=True,
        text=True,
        check=False,
    )
    if result.returncode:
        raise CommandError(_failure(command, result.returncode, result.stderr or result.stdout))
    return result.stdout


def succeeds(*command: str | Path, env: Mapping[str, str] | None = None) -> bool:
    """Whether a program ends with exit code 0."""
    try:
        run(*command, env=env)
    except (CommandError, FileNotFoundError):
        return False
    return True


def run_long(
    what: str,
    log: Path,
    *command: str | Path,
    env: Mapping[str, str] | None = None,
    cwd: Path | None = None,
) -> None:
    """Run a program that may take minutes, print its progress, and write its output to `log`.

    Raises CommandError.
    """
    say(what)
    started = time.monotonic()
    log.parent.mkdir(parents=True, exist_ok=True)
    with log.open("w") as output:
        process = subprocess.Popen(
            [str(part) for part in command],
            env={**os.environ, **(env or {})},
            cwd=cwd,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
        )
        while True:
            try:
                code = process.wait(timeout=HEARTBEAT_SECONDS)
                break
            except subprocess.TimeoutExpired:
                say(f"  ... {what}: {time.monotonic() - started:.0f} s")
            except BaseException:
                process.terminate()
                process.wait()
                raise
    if code:
        raise CommandError(f"{_failure(command, code, log.read_text())}\nAll of it: {log}")
    say(f"  {what}: done in {time.monotonic() - started:.0f} s")


def fail(text: str) -> None:
    """Print an error for a person."""
    print(f"error: {text}", file=sys.stderr, flush=True)


def _failure(command: tuple[str | Path, ...], code: int, output: str) -> str:
    tail = "\n".join(output.strip().splitlines()[-30:])
    return f"{' '.join(map(str, command))}\nended with exit code {code}:\n{tail}"
