"""The kubelet's own evictions: was the pod taken away for what its agent used?

The kubelet has three reasons to evict a pod: a limit on local storage is exceeded (there is no
condition DisruptionTarget then, and the Job controller counts a failure), the node runs out of
something (with that condition; the words name the containers that use more than they requested),
or a pod comes to a node that is short of something (it never starts):
https://kubernetes.io/docs/concepts/scheduling-eviction/node-pressure-eviction/
https://github.com/kubernetes/kubernetes/blob/v1.36.0/pkg/kubelet/eviction/helpers.go
"""

import re
from typing import Any

from agentrun_kube.text import clean

BY_KUBELET = "TerminationByKubelet"
_NOT_ADMITTED = "The node had condition"
_EMPTY_DIR = re.compile(r'EmptyDir volume "([^"]+)"')
_LOW_ON = re.compile(r"low on resource: ([a-z-]+)")
_QUOTED = 512  # bytes of the kubelet's words


def overuse(status: dict[str, Any], disruption: str, container: str) -> str:
    """What the kubelet said when it evicted the pod for what that container used; else empty."""
    words = str(status.get("message") or "no message")
    if status.get("reason") != "Evicted" or words.startswith(_NOT_ADMITTED):
        return ""
    if disruption and disruption != BY_KUBELET:
        return ""
    if disruption and f"Container {container} was using " not in words:
        return ""
    return clean(words.strip(), _QUOTED)


def what_to_change(words: str) -> str:
    """The field behind the kubelet's words, and what to do with it."""
    volume = _EMPTY_DIR.search(words)
    if volume:
        return (
            f"Let the agent write less to volume {volume[1]}, or raise its sizeLimit in "
            "spec.podTemplate.spec.volumes of the Agent."
        )
    low = _LOW_ON.search(words)
    if low:
        return (
            f"Set spec.resources.requests.{low[1]} of the Agent to what the agent uses, or let "
            "it use less."
        )
    return (
        "Raise spec.resources.limits.ephemeral-storage of the Agent, or let the agent write "
        "less outside of its store."
    )
