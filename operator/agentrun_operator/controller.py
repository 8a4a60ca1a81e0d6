"""The loop: take a key, look at the state, decide, carry out; again until nothing is left to do."""

import asyncio
import logging
import random
from collections.abc import Iterable
from typing import Any

from .cache import Cache
from .carry_out import CarryOut, JobRefusedError
from .cleanups import Cleanups
from .constants import (
    LABEL_FINISHED,
    LABEL_MANAGED_BY,
    MANAGED_BY,
)
from .facts import can_make_pods
from .installation import Installation
from .kube import NO_ANSWER, ApiError, Kube
from .models import AgentRun
from .observe import Observer
from .orphans import Orphans
from .plan import Plan
from .policy import start
from .policy.decide import decide
from .policy.finished import let_go
from .policy.lost import asks_after_nodes
from .policy.view import View
from .workqueue import Key, WorkQueue

Object = dict[str, Any]
logger = logging.getLogger(__name__)

WORKERS = 16
RESYNC_SECONDS = 120.0
FIRST_RESYNC_SECONDS = 10.0

# What is watched, and read in full at the start and at every resync. Settled runs are not, nor are
# Jobs and pods that have succeeded (what leaves the watch so is read once more, see `forget`) or
# whose run has finished (`policy/finished.py` lets them go).
SELECTORS: dict[str, dict[str, str]] = {
    "agentruns": {"fieldSelector": "status.settled!=true"},
    "agents": {},
    "jobs": {
        "labelSelector": f"{LABEL_MANAGED_BY}={MANAGED_BY},!{LABEL_FINISHED}",
        "fieldSelector": "status.successful=0",
    },
    "pods": {
        "labelSelector": f"{LABEL_MANAGED_BY}={MANAGED_BY},!{LABEL_FINISHED}",
        "fieldSelector": "status.phase!=Succeeded",
    },
}


class Controller:
    def __init__(self, kube: Kube, installation: Installation) -> None:
        self._kube = kube
        self._cache = Cache()
        self._queue = WorkQueue()
        self._works = False  # a standby only keeps its cache
        self._left: dict[Key, Object] = {}  # as they were when they left the watch
        self._observer = Observer(kube, self._cache, installation, self.learn)
        self._carry_out = CarryOut(kube, self.learn, self._ask_for_cleanup)
        self._cleanups = Cleanups(
            kube,
            self._cache,
            self._observer,
            self._queue,
            self.learn,
            installation.runner_image,
        )
        self._orphans = Orphans(kube, self._cache, self._observer)
        self._tasks: list[asyncio.Task[None]] = []
        self.last_sync: float | None = None  # monotonic seconds

    # What comes in

    def learn(self, plural: str, obj: Object) -> None:
        """A watch, or the answer to a write, says that the object is so now."""
        if self._cache.upsert(plural, obj):
            self._enqueue(plural, obj)

    def forget(self, plural: str, obj: Object) -> None:
        """A watch says that the object is gone or has left its selection, which look the same.

        A run that leaves is settled. A Job or pod that leaves has succeeded or is let go, and is
        read to the end if a run may want to know. Until somebody can, it stays as it was.
        """
        if plural in ("jobs", "pods") and self._cache.is_wanted(plural, obj):
            if not self._works:
                return
            key = Key(plural, obj["metadata"]["namespace"], obj["metadata"]["name"])
            self._left[key] = obj
            self._queue.add(key)
        else:
            self._remove(plural, obj)

    def _remove(self, plural: str, obj: Object) -> None:
        keys = list(self._cache.concerned(plural, obj, gone=True))
        self._cache.remove(plural, obj)
        self._add(keys)

    def _enqueue(self, plural: str, obj: Object) -> None:
        self._add(self._cache.concerned(plural, obj))

    def _add(self, keys: Iterable[Key]) -> None:
        if self._works:
            for key in keys:
                self._queue.add(key)

    def _ask_for_cleanup(self, namespace: str, claim_name: str) -> None:
        self._queue.add(Key("claim", namespace, claim_name))

    # Life

    async def start(self) -> None:
        """Read everything: nothing is decided on a half-full cache."""
        await self.sync()
        self._tasks.append(asyncio.create_task(self._resync()))

    async def work(self) -> None:
        """Read everything again, for a standby's watches may have missed deletions; then work."""
        self._works = True
        await self.sync()
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
        if run is not None and (run.claimed or not run.status.settled):
            await self._reconcile_run(key, run)
        elif self._has_left_something(key):
            await self._reconcile_live(key)

    def _has_left_something(self, key: Key) -> bool:
        """Whether a run that is settled or gone has left a Job or pods to stop or to let go."""
        job, pods = self._observer.left_by(key.namespace, key.name)
        lives = any(pod.alive for pod in pods) or can_make_pods(job, pods)
        return lives or bool(let_go(job, pods))

    async def _look_after(self, key: Key) -> None:
        """Has a Job or pod that left the watch succeeded, or is it gone?"""
        left = self._left.get(key)
        if left is None:
            return  # a repetition, and another look was faster
        look = self._learn_job if key.kind == "jobs" else self._learn_pod
        found = await look(key.namespace, key.name)
        if found is None or found["metadata"]["uid"] != left["metadata"]["uid"]:
            self._remove(key.kind, left)
        if self._left[key] is left:  # else it has left once more, and is looked after once more
            del self._left[key]

    async def _learn_job(self, namespace: str, name: str) -> Object | None:
        """What has become of a Job that is not watched."""
        job, pods = await self._observer.job_with_its_pods(namespace, name)
        for pod in pods:  # first, for they say how the Job has ended
            self.learn("pods", pod)
        if job is not None:
            self.learn("jobs", job)
        return job

    async def _learn_pod(self, namespace: str, name: str) -> Object | None:
        pod = await self._kube.get("pods", namespace, name)
        if pod is not None:
            self.learn("pods", pod)
        return pod

    async def _reconcile_run(self, key: Key, run: AgentRun) -> None:
        view = await self._with_nodes(self._observer.from_cache(run))
        plan = decide(view)
        if plan.confirm:
            await self._reconcile_live(key)
        else:
            await self._act(key, view, plan)

    async def _reconcile_live(self, key: Key) -> None:
        """Decide on what the API server has, whatever the watches have told."""
        left = self._observer.left_by(key.namespace, key.name)
        view = await self._observer.live(key.namespace, key.name)
        there = None if view is None else view.run.metadata.uid
        await self._orphans.remove(key.namespace, *left, there)
        if view is None:
            await self._refresh(key)
            return
        view = await self._with_nodes(view)
        await self._act(key, view, decide(view))

    async def _act(self, key: Key, view: View, plan: Plan) -> None:
        try:
            await self._carry_out(view, plan)
        except JobRefusedError as refusal:
            await self._carry_out(view, start.rejected(view, str(refusal)))
            raise
        if plan.look_again_at is not None:
            self._queue.add_after(key, (plan.look_again_at - view.now).total_seconds())

    async def _with_nodes(self, view: View) -> View:
        return await self._observer.with_nodes(view) if asks_after_nodes(view) else view
