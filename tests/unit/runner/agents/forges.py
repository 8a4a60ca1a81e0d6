"""A graph of the runner's tests that writes its result itself."""

import os
from contextlib import suppress
from pathlib import Path
from typing import NoReturn

from agentrun_runner.result import ResultSlot
from unit.runner.agents.graphs import State, chain


def forge(_: State) -> NoReturn:
    for link in Path("/proc/self/fd").iterdir():
        with suppress(OSError):  # the descriptor of this listing
            if "agentrun-result" in str(link.readlink()):
                ResultSlot(int(link.name)).seal(
                    {
                        "result": "Failed",
                        "reason": "Because",
                        "message": "no\n\x1b[31m\ud800 line",
                        "checkpoint": {"id": "x", "count": 99},
                        "forced": True,
                    }
                )
    os._exit(0)


graph = chain(forge)
