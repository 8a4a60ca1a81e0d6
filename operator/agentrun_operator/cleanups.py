"""Sees to it that the clean-up Job of a claim runs, as ``policy/cleanup.py`` decides."""

from collections.abc import Awaitable, Callable

from .cache import Cache
from .facts import Object, owner_uid
from .kube import ApiError, Kube
from .models import AgentRun
from .observe import Observer, now
from .policy.cleanup import may_be_cleaned, next_cleanup
from .resources.cleanup_job import cleanup_job
from .workqueue import Key, WorkQueue


class Cleanups:
    """``learn`` is told of every Job that was made; ``learn_job`` finds one, and its pods."""

    def __init__(
        self,
        kube: Kube,
        cache: Cache,
        observer: Observer,
        queue: WorkQueue,
        learn: Callable[[str, Object], None],
        learn_job: Callable[[str, str], Awaitable[Object | None]],
        runner_image: str,
    ) -> None:
        self._kube = kube
        self._cache = cache
        self._observer = observer
        self._queue = queue
        self._learn = learn
        self._learn_job = learn_job
        self._runner_image = runner_image

    async def reconcile(self, namespace: str, claim_name: str) -> None:
        waiting = [
            run for run in self._cache.runs_of_claim(namespace, claim_name) if may_be_cleaned(run)
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
        like = await self._pod_spec_of_one(namespace, runs)
        job = cleanup_job(claim_name, runs, attempt, node, self._runner_image, like)
        try:
            made = await self._kube.create("jobs", namespace, job)
        except ApiError as error:
            if error.status == 409:
                # One that is there but not here has succeeded before it was watched.
                await self._learn_job(namespace, job["metadata"]["name"])
                self._refused(runs, None)
            elif error.namespace_is_terminating:
                self._observer.doomed.update(run.metadata.uid for run in runs)
                self._wake(runs)
            else:
                if error.is_refusal:
                    self._refused(runs, error.message)
                raise
        else:
            self._refused(runs, None)
            self._learn("jobs", made)

    async def _pod_spec_of_one(self, namespace: str, runs: tuple[AgentRun, ...]) -> Object:
        """Of a run's pod, by its Job: where that could be, so can whoever cleans its volume."""
        for run in runs:
            job = await self._kube.get("jobs", namespace, run.metadata.name)
            if job is not None and owner_uid(job) == run.metadata.uid:
                spec: Object = job["spec"]["template"]["spec"]
                return spec
        return {}

    def _refused(self, runs: tuple[AgentRun, ...], refusal: str | None) -> None:
        """Only news wakes the runs, for each of them asks for the clean-up again at once."""
        refusals = self._observer.refusals
        news = tuple(run for run in runs if refusals.get(run.metadata.uid) != refusal)
        for run in news:
            if refusal is None:
                del refusals[run.metadata.uid]
            else:
                refusals[run.metadata.uid] = refusal
        self._wake(news)

    def _wake(self, runs: tuple[AgentRun, ...]) -> None:
        for run in runs:
            self._queue.add(Key("run", run.metadata.namespace, run.metadata.name))
