"""The loop: take a key, look at the state, decide, carry out; again until nothing is left to do."""

import asyncio
import logging
import random
from typing import Any

from .cache import Cache
from .carry_out import CarryOut, JobRefusedError
from .cleanups import Cleanups
from .constants import (
    COMPONENT_AGENT,
    LABEL_COMPONENT,
    LABEL_MANAGED_BY,
    LABEL_RUN,
    MANAGED_BY,
)
from .facts import can_make_pods, job_facts, owner_uid, pod_facts
from .kube import NO_ANSWER, ApiError, Kube
from .models import AgentRun
from .observe import Observer
from .policy import start
from .policy.decide import decide
from .policy.stop import is_late, must_stop
from .policy.view import View
from .workqueue import Key, WorkQueue

Object = dict[str, Any]
logger = logging.getLogger(__name__)

WORKERS = 16
RESYNC_SECONDS = 120.0
FIRST_RESYNC_SECONDS = 10.0

# What is watched, and read in full at the start and at every resync. Settled runs are not, nor are
# Jobs and pods that have succeeded: what leaves the watch so is read once more, see `forget`.
SELECTORS: dict[str, dict[str, str]] = {
    "agentruns": {"fieldSelector": "status.settled!=true"},
    "agents": {},
    "jobs": {
        "labelSelector": f"{LABEL_MANAGED_BY}={MANAGED_BY}",
        "fieldSelector": "status.successful=0",
    },
    "pods": {
        "labelSelector": f"{LABEL_MANAGED_BY}={MANAGED_BY}",
        "fieldSelector": "status.phase!=Succeeded",
    },
}


class Controller:
    def __init__(self, kube: Kube, runner_image: str) -> None:
        self._kube = kube
        self._cache = Cache()
        self._queue = WorkQueue()
        self._left: dict[Key, Object] = {}  # as they were when they left the watch
        self._observer = Observer(kube, self._cache, self.learn)
        self._carry_out = CarryOut(kube, runner_image, self.learn, self._ask_for_cleanup)
        self._cleanups = Cleanups(
            kube,
            self._cache,
            self._observer,
            self._queue,
            self.learn,
            self._learn_job,
            runner_image,
        )
        self._tasks: list[asyncio.Task[None]] = []
        self.last_sync: float | None = None  # monotonic seconds

    # What comes in

    def learn(self, plural: str, obj: Object) -> None:
        """A watch, or the answer to a write, says that the object is so now."""
        if self._cache.upsert(plural, obj):
            self._enqueue(plural, obj)

    def forget(self, plural: str, obj: Object) -> None:
        """A watch says that the object is gone or has left its selection, which look the same.

        A run that leaves is settled. A Job or pod that leaves has succeeded, and is read to the end
        if a run may want to know.
        """
        if plural in ("jobs", "pods") and self._cache.is_wanted(plural, obj):
            key = Key(plural, obj["metadata"]["namespace"], obj["metadata"]["name"])
            self._left[key] = obj
            self._queue.add(key)
        else:
            self._remove(plural, obj)

    def _remove(self, plural: str, obj: Object) -> None:
        keys = list(self._cache.concerned(plural, obj, gone=True))
        self._cache.remove(plural, obj)
        for key in keys:
            self._queue.add(key)

    def _enqueue(self, plural: str, obj: Object) -> None:
        for key in self._cache.concerned(plural, obj):
            self._queue.add(key)

    def _ask_for_cleanup(self, namespace: str, claim_name: str) -> None:
        self._queue.add(Key("claim", namespace, claim_name))

    # Life

    async def start(self) -> None:
        """Read everything: nothing is decided on a half-full cache."""
        await self.sync()
        self._tasks.append(asyncio.create_task(self._resync()))

    def work(self) -> None:
        """Begin to work on what has been read, and on what comes."""
        self._tasks += [asyncio.create_task(self._work()) for _ in range(WORKERS)]

    async def stop(self) -> None:
        """Leave everything as it is; whoever starts next goes on from there."""
        self._queue.close()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def sync(self) -> None:
        """Read all that is watched in full: a watch that starts anew may miss deletions."""
        for plural, selectors in SELECTORS.items():
            found, version = await self._kube.list(plural, **selectors)
            for missing in self._cache.replace(plural, found, version):
                self.forget(plural, missing)
        for plural in SELECTORS:
            for obj in self._cache.all(plural):
                self._enqueue(plural, obj)
        self.last_sync = asyncio.get_running_loop().time()

    async def _resync(self) -> None:
        # The first one soon: what goes before a watch has begun, no watch tells of.
        wait = FIRST_RESYNC_SECONDS
        while True:
            await asyncio.sleep(wait)
            try:
                await self.sync()
            except Exception as error:
                logger.warning("Resync failed: %r", error)
                wait = FIRST_RESYNC_SECONDS
                continue
            wait = RESYNC_SECONDS * random.uniform(0.8, 1.0)  # noqa: S311 (no secret)

    async def _work(self) -> None:
        while True:
            key = await self._queue.take()
            try:
                await self._reconcile(key)
            except ApiError as error:
                # 404, 409, and 422 of a test in a patch: somebody else was faster.
                level = logging.INFO if error.status in (404, 409, 422) else logging.WARNING
                logger.log(level, "%s %s/%s: %s", *key, error)
                await self._refresh(key)
                self._queue.add_failed(key)
            except NO_ANSWER as error:
                logger.warning("%s %s/%s: %r", *key, error)
                self._queue.add_failed(key)
            except JobRefusedError as refusal:
                logger.info("%s %s/%s: Job refused: %s", *key, refusal)
                self._queue.add_failed(key)
            except Exception:
                logger.exception("%s %s/%s", *key)
                self._queue.add_failed(key)
            else:
                self._queue.forget_failures(key)
            finally:
                self._queue.done(key)

    async def _refresh(self, key: Key) -> None:
        """After a refused write: what is the run really like?"""
        if key.kind != "run":
            return
        known = self._cache.get("agentruns", key.namespace, key.name)
        try:
            found = await self._kube.get("agentruns", key.namespace, key.name)
        except (ApiError, *NO_ANSWER):
            return
        if found is not None:
            self.learn("agentruns", found)
        elif known is not None:
            self.forget("agentruns", known)

    # Work

    async def _reconcile(self, key: Key) -> None:
        if key.kind == "claim":
            await self._cleanups.reconcile(key.namespace, key.name)
            return
        if key.kind != "run":
            await self._look_after(key)
            return
        run = self._cache.run(key.namespace, key.name)
        if run is None:
            await self._remove_orphan(key)
        elif not run.status.settled or run.claimed:
            await self._reconcile_run(key, run)

    async def _look_after(self, key: Key) -> None:
        """Has a Job or pod that left the watch succeeded, or is it gone?"""
        left = self._left.get(key)
        if left is None:
            return  # a repetition, and another look was faster
        if key.kind == "jobs":
            found, pods = await self._observer.job_with_its_pods(key.namespace, key.name)
        else:
            found, pods = await self._kube.get("pods", key.namespace, key.name), []
        if found is None or found["metadata"]["uid"] != left["metadata"]["uid"]:
            self._remove(key.kind, left)
        else:
            for pod in pods:  # first, for they say how the Job has ended
                self.learn("pods", pod)
            self.learn(key.kind, found)
        if self._left[key] is left:  # else it has left once more, and is looked after once more
            del self._left[key]

    async def _learn_job(self, namespace: str, name: str) -> None:
        """What has become of a clean-up Job that is not watched."""
        job, pods = await self._observer.job_with_its_pods(namespace, name)
        for pod in pods:
            self.learn("pods", pod)
        if job is not None:
            self.learn("jobs", job)

    async def _reconcile_run(self, key: Key, run: AgentRun) -> None:
        view = await self._with_nodes(self._observer.from_cache(run))
        plan = decide(view)
        if plan.confirm:
            live = await self._observer.live(key.namespace, key.name)
            if live is None:
                await self._refresh(key)
                return
            view = await self._with_nodes(live)
            plan = decide(view)
        try:
            await self._carry_out(view, plan)
        except JobRefusedError as refusal:
            await self._carry_out(view, start.rejected(view, str(refusal)))
            raise
        if plan.look_again_at is not None:
            self._queue.add_after(key, (plan.look_again_at - view.now).total_seconds())

    async def _with_nodes(self, view: View) -> View:
        """The view, with what is known of the nodes if a stop takes too long."""
        if must_stop(view) and is_late(view):
            return await self._observer.with_nodes(view)
        return view

    async def _remove_orphan(self, key: Key) -> None:
        """A Job or pod that lives without a run to answer for it: a request that arrived very late.

        Whoever sent it may have died, or lost the race, long before the server took it in.
        """
        namespace, name = key.namespace, key.name
        job = self._cache.get("jobs", namespace, name)
        if job is not None and _labels(job).get(LABEL_COMPONENT) != COMPONENT_AGENT:
            job = None
        pods = [
            pod
            for pod in self._cache.all("pods", namespace)
            if _labels(pod).get(LABEL_RUN) == name and pod_facts(pod).alive
        ]
        if job is not None and not await self._may_make_pods(job):
            job = None
        if job is None and not pods:
            return
        found = await self._kube.get("agentruns", namespace, name)
        if found is not None and not AgentRun.model_validate(found).finished:
            self.learn("agentruns", found)
            return
        for plural, obj in [("jobs", job)] if job else [("pods", pod) for pod in pods]:
            meta = obj["metadata"]
            if "deletionTimestamp" not in meta and await self._kube.delete(
                plural, namespace, meta["name"], meta["uid"]
            ):
                logger.warning("%s %s/%s has no live run: deleted", plural, namespace, name)

    async def _may_make_pods(self, job: Object) -> bool:
        meta = job["metadata"]
        if not _lives(job, list(self._cache.all("pods", meta["namespace"]))):
            return False
        # With a Job its log goes, and a pod that has succeeded is not watched.
        found, pods = await self._observer.job_with_its_pods(meta["namespace"], meta["name"])
        return found is not None and found["metadata"]["uid"] == meta["uid"] and _lives(found, pods)


def _lives(job: Object, pods: list[Object]) -> bool:
    uid = job["metadata"]["uid"]
    mine = tuple(pod_facts(pod) for pod in pods if owner_uid(pod) == uid)
    return can_make_pods(job_facts(job), mine) or any(pod.alive for pod in mine)


def _labels(obj: Object) -> dict[str, str]:
    return obj["metadata"].get("labels") or {}
