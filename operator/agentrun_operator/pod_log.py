"""The end of a container's log, for a termination report that the kubelet has cut."""

from contextlib import suppress

from .kube import NO_ANSWER, ApiError, Kube

# The report is the last line but one, and the last one may be as long as an agent's output.
LINES, LARGEST = 4, 128 * 1024


async def last_lines(kube: Kube, namespace: str, pod: str, container: str) -> str:
    """Its last lines; empty if they cannot be had: the pod is gone, or its node is silent."""
    log = None
    with suppress(ApiError, *NO_ANSWER):
        log = await kube.log(namespace, pod, container, LINES, LARGEST)
    return log or ""
