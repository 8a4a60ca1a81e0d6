"""Looks at the processes of the node, again and again: which pods of which runs were alive when."""

import uuid
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field

from cluster import node_exec

# A look: its time, taken before it, and the run and the pod of every living process that has them
# in its environment.
_LOOK = r"""
until [[ -e $1 ]]; do
    echo "@ $EPOCHREALTIME"
    files=$(grep -lsz '^AGENTRUN_UID=' /proc/[0-9]*/environ) &&
        grep -Hsz '^AGENTRUN_UID=\|^HOSTNAME=' $files | tr '\0' '\n'
    sleep 0.05
done
rm "$1"
"""


@dataclass
class Life:
    """In which looks a process of a pod was seen first and last; their numbers."""

    run_uid: str
    pod: str
    first: int
    last: int


@dataclass
class Looks:
    times: list[float] = field(default_factory=list)
    lives: dict[tuple[str, str], Life] = field(default_factory=dict)

    @property
    def longest_gap(self) -> float:
        """The longest time from one look to the next."""
        pairs = zip(self.times, self.times[1:], strict=False)
        return max((after - before for before, after in pairs), default=0.0)

    def last_seen(self, life: Life) -> float:
        """A time at which a process of the pod was alive, or a little before that."""
        return self.times[life.last]

    def together(self, one: Life, other: Life) -> bool:
        """Whether two pods have lived at the same time for certain.

        Both in one look may be the end of one and the beginning of the other. But who is in two
        looks has lived all the time between them.
        """
        return max(one.first, other.first) < min(one.last, other.last)


def read_looks(text: str) -> Looks:
    """What the looks have printed."""
    looks = Looks()
    uids: dict[str, str] = {}
    pods: dict[str, str] = {}
    for line in text.splitlines():
        if line.startswith("@ "):
            looks.times.append(float(line[2:]))
            uids, pods = {}, {}
            continue
        process, _, variable = line.partition(":")
        name, _, value = variable.partition("=")
        (uids if name == "AGENTRUN_UID" else pods)[process] = value
        # One that died while it was looked at has one of them only.
        if process in uids and process in pods:
            now = len(looks.times) - 1
            key = uids[process], pods[process]
            looks.lives.setdefault(key, Life(*key, now, now)).last = now
    return looks


class Lookout:
    """Looks from now on, until ``close``; for ``seconds`` at most."""

    def __init__(self, seconds: float) -> None:
        self._end = f"/tmp/lookout-{uuid.uuid4().hex}"
        pool = ThreadPoolExecutor(1)
        command = ("timeout", f"{seconds:.0f}", "bash", "-c", _LOOK, "bash", self._end)
        self._printed: Future[str] = pool.submit(node_exec, *command)
        pool.shutdown(wait=False)

    def close(self) -> Looks:
        """What was seen. Raises CommandError if the looks have not gone on until now."""
        if not self._printed.done():
            node_exec("touch", self._end)
        return read_looks(self._printed.result())
