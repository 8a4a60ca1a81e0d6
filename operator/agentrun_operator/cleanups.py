"""Sees to it that the clean-up Job of a claim runs, as ``policy/cleanup.py`` decides."""

from collections.abc import Callable
from typing import Any

from .cache import Cache
from .constants import LABEL_JOB
from .kube import ApiError, Kube
from .models import AgentRun
from .observe import Observer, now
from .policy.cleanup import awaits_cleanup, next_cleanup
from .resources.cleanup_job import cleanup_job
from .workqueue import Key, WorkQueue

Object = dict[str, Any]


class Cleanups:
    """``learn`` is told of every object that was made or found."""

    def __init__(
        self,
        kube: Kube,
        cache: Cache,
        observer: Observer,
        queue: WorkQueue,
        learn: Callable[[str, Object], None],
        runner_image: str,
    ) -> None:
        self._kube = kube
        self._cache = cache
        self._observer = observer
        self._queue = queue
        self._learn = learn
        self._runner_image = runner_image

    async def reconcile(self, namespace: str, claim_name: str) -> None:
        waiting = [
            run for run in self._cache.runs_of_claim(namespace, claim_name) if awaits_cleanup(run)
        ]
        time = now()
        todo = next_cleanup(waiting, self._observer.cleanup_jobs(namespace, claim_name), time)
        if todo.runs:
            await self._create(namespace, claim_name, todo.runs, todo.attempt)
        elif todo.retry_at is not None:
            key = Key("claim", namespace, claim_name)
            self._queue.add_after(key, (todo.retry_at - time).total_seconds())

    async def _create(
        self, namespace: str, claim_name: str, runs: tuple[AgentRun, ...], attempt: int
    ) -> None:
        node = next((p.node for p in self._observer.from_cache(runs[0]).pods if p.node), None)
        job = cleanup_job(claim_name, runs, attempt, node, self._runner_image)
        try:
            self._learn("jobs", await self._kube.create("jobs", namespace, job))
            self._observer.refusals.pop((namespace, claim_name), None)
        except ApiError as error:
            if error.status == 409:
                await self._learn_existing(namespace, job["metadata"]["name"])
                return
            if error.namespace_is_terminating:
                self._observer.doomed.update(run.metadata.uid for run in runs)
            elif error.is_refusal:
                self._observer.refusals[namespace, claim_name] = error.message
            for run in runs:
                self._queue.add(Key("run", namespace, run.metadata.name))
            if not error.namespace_is_terminating:
                raise

    async def _learn_existing(self, namespace: str, name: str) -> None:
        """A clean-up Job that is there but not here has succeeded before it was watched."""
        pods, _ = await self._kube.list("pods", namespace, labelSelector=f"{LABEL_JOB}={name}")
        job = await self._kube.get("jobs", namespace, name)
        if job is not None:
            self._learn("jobs", job)
        for pod in pods:
            self._learn("pods", pod)
