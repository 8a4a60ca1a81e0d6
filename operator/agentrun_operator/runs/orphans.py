"""Deletes Jobs and pods whose AgentRun is gone, left by create requests that took effect late.

The operator that sent such a request may have died long before the API server handled it.
"""

import logging

from agentrun_kube.client.kube import Kube

from ..facts.jobs import JobFacts, can_make_pods, job_facts
from ..facts.objects import owner_uid
from ..facts.pods import PodFacts, pod_facts
from ..state.cache import Cache
from ..state.unwatched import job_with_its_pods

logger = logging.getLogger(__name__)


class Orphans:
    def __init__(self, kube: Kube, cache: Cache) -> None:
        self._kube = kube
        self._cache = cache

    async def remove(
        self, namespace: str, job: JobFacts | None, pods: tuple[PodFacts, ...], there: str | None
    ) -> None:
        """Delete the live ones of Jobs and pods whose run is gone.

        ``there`` is the UID of the run that has the name, read after these were seen:
        all that belongs to another one, or to any if there is none, has no run any more.
        """
        kept = {there, None}  # an object without the UID of a run is not ours
        if job is not None and job.run_uid not in kept and await self._lives(namespace, job):
            await self._delete("jobs", namespace, job)
            return
        for pod in pods:
            if pod.alive and pod.run_uid not in kept and await self._is_alive(namespace, pod):
                await self._delete("pods", namespace, pod)

    async def _is_alive(self, namespace: str, pod: PodFacts) -> bool:
        found = await self._kube.get("pods", namespace, pod.name)
        return found is not None and pod_facts(found).alive

    async def _lives(self, namespace: str, job: JobFacts) -> bool:
        if not _lives(job, [pod.facts for pod in self._cache.pods_of_job(job.uid)]):
            return False
        # Deleting a Job deletes its pods' logs, and a pod that has succeeded is not watched.
        found, pods = await job_with_its_pods(self._kube, namespace, job.name)
        return (
            found is not None
            and found["metadata"]["uid"] == job.uid
            and _lives(job_facts(found), [pod_facts(p) for p in pods if owner_uid(p) == job.uid])
        )

    async def _delete(self, plural: str, namespace: str, left: JobFacts | PodFacts) -> None:
        if not left.deleting and await self._kube.delete(plural, namespace, left.name, left.uid):
            logger.warning("%s %s/%s has no live run: deleted", plural, namespace, left.name)


def _lives(job: JobFacts, pods: list[PodFacts]) -> bool:
    return can_make_pods(job, tuple(pods)) or any(pod.alive for pod in pods)
