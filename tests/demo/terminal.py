"""A terminal that types for the user: each command is shown, run for real, and its output shown."""

import os
import select
import signal
import subprocess
import sys
import time

from cluster.paths import CHECKOUT

HEARTBEAT_SECONDS = 15
LIMIT_SECONDS = 600


class StoryError(Exception):
    """Something is not as the story tells it."""


def tell(text: str) -> None:
    """Print what the story says between the commands."""
    print(text, flush=True)


def chapter(title: str) -> None:
    """Print a heading."""
    tell(f"\n\n=== {title} ===")


def check(as_told: bool, claim: str) -> None:
    """Print the claim if it is true. Raises StoryError if it is not."""
    if not as_told:
        raise StoryError(f"this is not so: {claim}")
    tell(f"  [checked] {claim}")


def do(command: str) -> str:
    """Show a shell command, run it in the checkout, show what it prints, and return that.

    Raises StoryError if it fails or takes longer than LIMIT_SECONDS.
    """
    tell(f"\n$ {command}")
    started = time.monotonic()
    process = subprocess.Popen(
        ["bash", "-c", command],
        cwd=CHECKOUT,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        start_new_session=True,
    )
    assert process.stdout is not None
    said = b""
    try:
        while chunk := _read(process.stdout.fileno(), started):
            said += chunk
            sys.stdout.buffer.write(chunk)
            sys.stdout.flush()
        code = process.wait()
    except BaseException:
        os.killpg(process.pid, signal.SIGTERM)
        process.wait()
        raise
    finally:
        process.stdout.close()
    if code:
        raise StoryError(f"the command ended with exit code {code}: {command}")
    return said.decode()


def _read(fd: int, started: float) -> bytes:
    """The next output, or b"" at its end; with a sign of life while there is none."""
    while not select.select([fd], [], [], HEARTBEAT_SECONDS)[0]:
        seconds = time.monotonic() - started
        if seconds > LIMIT_SECONDS:
            raise StoryError(f"the command has not ended after {seconds:.0f} s")
        tell(f"  ... {seconds:.0f} s")
    return os.read(fd, 65536)
