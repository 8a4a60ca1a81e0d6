"""The runs of each thread: its holders, those that await their clean-up, and the queue.

A question about one run costs the same however many others wait.
"""

from bisect import bisect_left, insort
from collections import OrderedDict
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime

from agentrun_kube.v1alpha1.agent_run import AgentRun

from ..facts.runs import awaits_cleanup

Order = tuple[datetime, int, str]

SEQS_KEPT = 10_000  # of threads: the highest place of a segment, also when its run is gone


@dataclass
class Thread:
    runs: dict[str, AgentRun] = field(default_factory=dict)  # by name
    holders: dict[str, AgentRun] = field(default_factory=dict)  # that have not ended
    cleaned: dict[str, AgentRun] = field(default_factory=dict)  # have ended, are to be cleaned
    queue: list[Order] = field(default_factory=list)  # of those that wait

    def before(self, order: Order) -> list[str]:
        """Names of those that wait and come before that place."""
        return [name for _, _, name in self.queue[: bisect_left(self.queue, order)]]

    def neighbour(self, order: Order, step: int) -> str | None:
        """The one just before (-1) or just after (1) the place."""
        at = bisect_left(self.queue, order)
        if step > 0 and at < len(self.queue) and self.queue[at] == order:
            at += 1
        at += min(step, 0)
        return self.queue[at][2] if 0 <= at < len(self.queue) else None


def is_to_be_cleaned(run: AgentRun) -> bool:
    """Whether a run has ended and is deleted, with its checkpoints: it may use its thread again."""
    return run.finished and run.deleting and run.has_finalizer


class ThreadIndex:
    """By namespace and thread. Each change returns the names of the waiting runs that it wakes."""

    def __init__(self) -> None:
        self._threads: dict[tuple[str, str], Thread] = {}
        self._seqs: OrderedDict[tuple[str, str], int] = OrderedDict()

    def of(self, run: AgentRun) -> Thread:
        """The thread of the run; an empty one if nothing is known of it."""
        return self._threads.get(_key(run), _NONE)

    def highest_seq(self, run: AgentRun) -> int:
        return self._seqs.get(_key(run), 0)

    def others_before(self, run: AgentRun) -> Iterator[AgentRun]:
        thread = self.of(run)
        names = thread.before(run.order)
        return (thread.runs[name] for name in names if name != run.metadata.name)

    def predecessor(self, run: AgentRun) -> AgentRun | None:
        thread = self.of(run)
        name = thread.neighbour(run.order, -1)
        return None if name is None else thread.runs[name]

    def change(self, old: AgentRun | None, new: AgentRun | None) -> set[str]:
        """Put the new state in the place of the old one; None: there was none, or it is gone."""
        run = new or old
        if run is None or run.spec.thread is None:
            return set()
        thread = self._threads.setdefault(_key(run), Thread())
        woken = set() if old is None else self._take_out(thread, old)
        if new is not None:
            self._put_in(thread, new)
        if old is not None:
            if new is not None and (_holds(new) or (_waits(new) and new.order == old.order)):
                woken.clear()  # the next run still has to wait for it
            if _frees(thread, old, new):
                woken |= _waiting_for_the_thread(thread, old)
        if not thread.runs:
            del self._threads[_key(run)]
        return woken - {run.metadata.name}

    def head(self, namespace: str, name: str) -> set[str]:
        """Names of the runs that the end of a pod on the thread wakes."""
        thread = self._threads.get((namespace, name), _NONE)
        return {order[2] for order in thread.queue[:1]} | set(thread.holders)

    def _take_out(self, thread: Thread, run: AgentRun) -> set[str]:
        name = run.metadata.name
        thread.runs.pop(name, None)
        thread.holders.pop(name, None)
        thread.cleaned.pop(name, None)
        if not _waits(run):
            return set()
        successor = thread.neighbour(run.order, 1)
        del thread.queue[bisect_left(thread.queue, run.order)]
        return set() if successor is None else {successor}

    def _put_in(self, thread: Thread, run: AgentRun) -> None:
        name = run.metadata.name
        thread.runs[name] = run
        if _holds(run):
            thread.holders[name] = run
        elif is_to_be_cleaned(run):
            thread.cleaned[name] = run
        elif _waits(run):
            insort(thread.queue, run.order)
        if run.seq > self.highest_seq(run):
            self._seqs[_key(run)] = run.seq
            self._seqs.move_to_end(_key(run))
            if len(self._seqs) > SEQS_KEPT:
                self._seqs.popitem(last=False)


_NONE = Thread()


def _key(run: AgentRun) -> tuple[str, str]:
    return run.metadata.namespace, run.spec.thread or ""


def _holds(run: AgentRun) -> bool:
    return run.holds_thread and not run.finished


def _waits(run: AgentRun) -> bool:
    return not run.finished and not run.holds_thread


def _frees(thread: Thread, old: AgentRun, new: AgentRun | None) -> bool:
    """Whether the run used the thread, and does so no more or only to be cleaned."""
    if _holds(old):
        ends = new is None or not _holds(new)
        return ends or (not awaits_cleanup(old) and new is not None and awaits_cleanup(new))
    was_cleaned = is_to_be_cleaned(old) and (new is None or not is_to_be_cleaned(new))
    return was_cleaned and not thread.cleaned


def _waiting_for_the_thread(thread: Thread, old: AgentRun) -> set[str]:
    head = {order[2] for order in thread.queue[:1]}
    return head | set(thread.holders) | (set(thread.cleaned) if _holds(old) else set())
