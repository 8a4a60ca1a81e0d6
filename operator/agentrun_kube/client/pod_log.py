"""The end of a container's log, for a termination report that the kubelet has cut."""

import asyncio
from contextlib import suppress

from .kube import NO_ANSWER, ApiError, Kube

# The kubelet counts a long line as one for each 16 KiB of it, and an agent's whole output, in one
# line of up to 4 MiB, may come after the report. (Lines, bytes.)
AT_FIRST, IF_NEEDED = (20, 512 * 1024), (300, 6 * 1024 * 1024)
LONGEST_LINE = 64 * 1024  # characters of a line that can be a report

_one_long_read = asyncio.Lock()  # memory is for one at a time


async def last_lines(
    kube: Kube, namespace: str, pod: str, container: str, beginnings: tuple[str, ...]
) -> str:
    """Those of its last lines that begin like a report.

    Empty if there are none, or the log cannot be had: the pod is gone, or its node is silent.
    """
    with suppress(ApiError, *NO_ANSWER):
        if found := _reports(await kube.log(namespace, pod, container, *AT_FIRST), beginnings):
            return found
        async with _one_long_read:
            return _reports(await kube.log(namespace, pod, container, *IF_NEEDED), beginnings)
    return ""


def _reports(log: str | None, beginnings: tuple[str, ...]) -> str:
    lines = (log or "").split("\n")
    return "\n".join(
        line for line in lines if line.startswith(beginnings) and len(line) <= LONGEST_LINE
    )
