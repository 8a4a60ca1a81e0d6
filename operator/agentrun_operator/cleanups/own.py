"""What this process knows of clean-ups: the Jobs that it made, their reports, and refusals.

Any user who may create Jobs can make one that looks like a clean-up and reports what it likes, and
any user who may patch Jobs can change what its annotations say. So the operator believes only Jobs
whose UIDs its own create requests were answered with, and remembers what they clean. After a
restart it makes new ones: a clean-up may be repeated.
"""

from collections import OrderedDict
from collections.abc import Set

from agentrun_kube.client.kube import Kube
from agentrun_kube.client.pod_log import last_lines
from agentrun_kube.names import CLEANUP_CONTAINER

from ..facts.cleanups import CleanupJobFacts, Work, cleanup_job_facts
from ..state.cache import Cache

MOST = 10_000  # Jobs and logs that are remembered; the work of a forgotten one is repeated


class OwnCleanups:
    """Written by the reconciler of clean-ups, read by those of clean-ups and of runs."""

    def __init__(self) -> None:
        self._work: OrderedDict[str, Work] = OrderedDict()  # by the Job's UID
        # The last lines of the clean-up's log, by the pod's name; empty if it is gone.
        self._logs: OrderedDict[str, str] = OrderedDict()
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
                found.append(cleanup_job_facts(job.cleanup, pods, work, self._logs))
        return found

    async def read_log(self, kube: Kube, namespace: str, pod: str) -> None:
        self._logs[pod] = await last_lines(kube, namespace, pod, CLEANUP_CONTAINER, ('{"runs":',))
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
