"""The operator's process, as the node's kernel sees it."""

import time
from dataclasses import dataclass

from cluster import node_exec

# The first process of the pod's that is Python: its age, memory, and what its pod has received.
# The cgroup's name has the pod's UID, with "-" or "_".
_LOOK = r"""
for file in $(grep --files-with-matches --no-messages --extended-regexp "$1" /proc/[0-9]*/cgroup)
do
    process=${file%/cgroup}
    grep --quiet --no-messages python "$process/comm" || continue
    echo "uptime $(cut --delimiter=' ' --fields=1 /proc/uptime)"
    echo "started $(cut --delimiter=' ' --fields=22 "$process/stat")"
    echo "ticks $(getconf CLK_TCK)"
    echo "rss $(awk '/VmRSS/ {print $2}' "$process/status")"
    echo "peak $(awk '/VmHWM/ {print $2}' "$process/status")"
    echo "received $(awk '/eth0/ {print $2}' "$process/net/dev")"
    exit
done
echo "no Python process in pod $1" >&2
exit 1
"""


@dataclass(frozen=True)
class Process:
    started_at: float  # Unix seconds
    rss: int  # bytes
    peak: int  # bytes
    received: int  # bytes, by its pod, over the network


def look(pod_uid: str) -> Process:
    """The process now. Raises CommandError if there is none."""
    pattern = pod_uid.replace("-", "[-_]")
    now = time.time()
    said = node_exec("bash", "-c", _LOOK, "bash", pattern)
    return parsed(said, now)


def parsed(said: str, now: float) -> Process:
    """What `_LOOK` has printed at that time."""
    values = {name: float(value) for name, value in map(str.split, said.splitlines())}
    age = values["uptime"] - values["started"] / values["ticks"]
    return Process(
        started_at=now - age,
        rss=int(values["rss"] * 1024),
        peak=int(values["peak"] * 1024),
        received=int(values["received"]),
    )
