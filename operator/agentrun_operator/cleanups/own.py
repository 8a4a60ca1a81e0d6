"""What this process knows of clean-ups: the Jobs that it made, their reports, and refusals.

Any user who may create Jobs can make one that looks like a clean-up and reports what it likes, and
any user who may patch Jobs can change what its annotations say. So the operator believes only Jobs
whose UIDs its own create requests were answered with, and remembers what they clean. After a
restart it makes new ones: a clean-up may be repeated.
"""

from collections import OrderedDict
from collections.abc import Iterable, Set
from dataclasses import replace
from datetime import datetime
from typing import NamedTuple

from agentrun_kube.client.kube import Kube
from agentrun_kube.client.pod_log import last_lines
from agentrun_kube.names import CLEANUP_CONTAINER

from .. import clock
from ..facts.cleanups import CleanupJobFacts, Work, cleanup_job_facts
from ..state.cache import Cache

MOST = 10_000  # Jobs and logs that are remembered; the work of a forgotten one is repeated


class _Log(NamedTuple):
    """The last lines of a clean-up's log; empty if it is gone."""

    text: str
    read_at: datetime


class OwnCleanups:
    """Written by the reconciler of clean-ups, read by those of clean-ups and of runs."""

    def __init__(self) -> None:
        self._work: OrderedDict[str, Work] = OrderedDict()  # by the Job's UID
        self._logs: OrderedDict[str, _Log] = OrderedDict()  # by the pod's name
        self._refusals: dict[str, str] = {}  # by the run's UID
        self._terminating: set[str] = set()  # UIDs of runs

    def get(self, uid: str) -> Work | None:
        return self._work.get(uid)

    def add(self, uid: str, work: Work) -> None:
        self._work[uid] = work
        if len(self._work) > MOST:
            self._work.popitem(last=False)

    def jobs(
        self, cache: Cache, namespace: str, claim: str, run_uids: Set[str]
    ) -> list[CleanupJobFacts]:
        """The clean-up Jobs of a claim that this process made for any of these runs.

        No other Job's report counts. Those whose runs are all gone stay for a while; they are not
        read again.
        """
        found = []
        for job in cache.cleanup_jobs(namespace, claim):
            work = self.get(job.uid)
            if job.cleanup is not None and work is not None and run_uids & work.run_uids:
                pods = [pod.cleanup for pod in cache.pods_of_job(job.uid) if pod.cleanup]
                names = [pod["metadata"]["name"] for pod in pods]
                logs = {name: self._logs[name] for name in names if name in self._logs}
                texts = {name: log.text for name, log in logs.items()}
                facts = cleanup_job_facts(job.cleanup, pods, work, texts)
                found.append(_as_known(facts, logs.values()))
        return found

    async def read_log(self, kube: Kube, namespace: str, pod: str) -> None:
        text = await last_lines(kube, namespace, pod, CLEANUP_CONTAINER, ('{"runs":',))
        self._logs[pod] = _Log(text, clock.now())
        if len(self._logs) > MOST:
            self._logs.popitem(last=False)

    def refusal(self, run_uid: str) -> str:
        """Why the API server refuses the run's next clean-up Job; empty if it does not."""
        return self._refusals.get(run_uid, "")

    def set_refusal(self, run_uid: str, refusal: str) -> bool:
        """Whether that is news. Empty: the Job was made."""
        is_news = self.refusal(run_uid) != refusal
        self._refusals.pop(run_uid, None)
        if refusal:
            self._refusals[run_uid] = refusal
        return is_news

    def namespace_terminating(self, run_uid: str) -> bool:
        """Whether the API server refused a clean-up Job of the run because of that."""
        return run_uid in self._terminating

    def set_namespace_terminating(self, run_uid: str) -> None:
        self._terminating.add(run_uid)


def _as_known(facts: CleanupJobFacts, logs: Iterable[_Log]) -> CleanupJobFacts:
    """A Job counts as ended when the operator knows how: the pause before the next try starts then.

    Otherwise a log that is read late leaves no time in which the run reports the failure.
    """
    if facts.finished_at is None:
        return facts
    return replace(facts, finished_at=max([facts.finished_at, *(log.read_at for log in logs)]))
