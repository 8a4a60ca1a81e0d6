"""The loop: take a key, look at the state, decide, carry out; again until nothing is left to do."""

import asyncio
import logging
import random

from agentrun_kube.client.kube import NO_ANSWER, ApiError, Kube
from agentrun_kube.objects import Object
from agentrun_kube.v1alpha1.agent_run import AgentRun

from .cleanups.reconcile import Cleanups
from .facts.jobs import can_make_pods
from .facts.runs import MOST_FINALIZERS
from .installation import Installation
from .runs.executor import CarryOut
from .runs.observe import Observer
from .runs.orphans import Orphans
from .runs.plan import Claim, Plan, Release
from .runs.policy import start, stop
from .runs.policy.decide import decide
from .runs.policy.finished import let_go
from .runs.policy.stop import asks_after_nodes
from .runs.refusals import JobRefusedError
from .runs.view import View
from .state.intake import Intake
from .state.workqueue import Key

logger = logging.getLogger(__name__)

# Each may hold an Agent that takes 40 MiB once it is read, and the container has 512.
WORKERS = 10
WORKERS_OF_NAMESPACE = 5  # so that the slow requests of one leave room for the others
LONGEST_RECONCILE_SECONDS = 120.0
RESYNC_SECONDS = 120.0
FIRST_RESYNC_SECONDS = 10.0


class Controller:
    def __init__(self, kube: Kube, installation: Installation) -> None:
        self._kube = kube
        self.intake = intake = Intake(kube, WORKERS_OF_NAMESPACE)
        self._cache, self._queue = intake.cache, intake.queue
        self._observer = Observer(kube, self._cache, installation, intake.learn)
        self._carry_out = CarryOut(kube, intake.learn, intake.ask_for_cleanup)
        self._cleanups = Cleanups(
            kube,
            self._cache,
            self._observer,
            self._queue,
            intake.learn,
            installation.runner_image,
        )
        self._orphans = Orphans(kube, self._cache, self._observer)
        self._tasks: list[asyncio.Task[None]] = []

    # Life

    async def start(self) -> None:
        """Read everything: nothing is decided on a half-full cache."""
        await self.intake.sync()
        self._tasks.append(asyncio.create_task(self._resync()))

    async def work(self) -> None:
        """Read everything again, for a standby's watches may have missed deletions; then work."""
        self.intake.works = True
        await self.intake.sync()
        self._tasks += [asyncio.create_task(self._work()) for _ in range(WORKERS)]

    async def stop(self) -> None:
        """Leave everything as it is; whoever starts next goes on from there."""
        self._queue.close()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def _resync(self) -> None:
        # The first one soon: what goes before a watch has begun, no watch tells of.
        wait = FIRST_RESYNC_SECONDS
        while True:
            await asyncio.sleep(wait)
            try:
                await self.intake.sync()
            except Exception as error:
                logger.warning("Resync failed: %r", error)
                wait = FIRST_RESYNC_SECONDS
                continue
            wait = RESYNC_SECONDS * random.uniform(0.8, 1.0)  # noqa: S311 (no secret)

    async def _work(self) -> None:
        while True:
            key = await self._queue.take()
            try:
                async with asyncio.timeout(LONGEST_RECONCILE_SECONDS):
                    await self._reconcile(key)
            except ApiError as error:
                # 404, 409, and 422 of a test in a patch: somebody else was faster.
                level = logging.INFO if error.status in (404, 409, 422) else logging.WARNING
                logger.log(level, "%s %s/%s: %s", *key, error)
                await self._refresh(key)
                self._queue.add_failed(key, self.intake.urgency(key))
            except NO_ANSWER as error:
                logger.warning("%s %s/%s: %r", *key, error)
                self._queue.add_failed(key, self.intake.urgency(key))
            except JobRefusedError as refusal:
                logger.info("%s %s/%s: Job refused: %s", *key, refusal)
                self._queue.add_failed(key, self.intake.urgency(key))
            except Exception:
                logger.exception("%s %s/%s", *key)
                self._queue.add_failed(key, self.intake.urgency(key))
            else:
                self._queue.forget_failures(key)
            finally:
                self._queue.done(key)
            # A decision that needs no request lets no other task have the event loop.
            await asyncio.sleep(0)

    async def _refresh(self, key: Key) -> None:
        """After a refused write: what is the run really like?"""
        if key.kind != "run":
            return
        known = self._cache.record("agentruns", key.namespace, key.name)
        try:
            found = await self._kube.get("agentruns", key.namespace, key.name)
        except (ApiError, *NO_ANSWER):
            return
        if found is not None:
            self.intake.learn("agentruns", found)
        elif known is not None:
            self.intake.remove(known)

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
        left = self.intake.left.get(key)
        if left is None:
            return  # a repetition, and another look was faster
        look = self._learn_job if key.kind == "jobs" else self._learn_pod
        found = await look(key.namespace, key.name)
        if found is None or found["metadata"]["uid"] != left.uid:
            self.intake.add(self._cache.remove(left))
        if (
            self.intake.left[key] is left
        ):  # else it has left once more, and is looked after once more
            del self.intake.left[key]

    async def _learn_job(self, namespace: str, name: str) -> Object | None:
        """What has become of a Job that is not watched."""
        job, pods = await self._observer.job_with_its_pods(namespace, name)
        for pod in pods:  # first, for they say how the Job has ended
            self.intake.learn("pods", pod)
        if job is not None:
            self.intake.learn("jobs", job)
        return job

    async def _learn_pod(self, namespace: str, name: str) -> Object | None:
        pod = await self._kube.get("pods", namespace, name)
        if pod is not None:
            self.intake.learn("pods", pod)
        return pod

    async def _reconcile_run(self, key: Key, run: AgentRun) -> None:
        view = await self._with_nodes(self._observer.from_cache(run))
        plan = decide(view)
        if plan.confirm or _needs_the_whole(view, plan):
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
            refused = stop.shortening_refused if stop.must_stop(view) else start.rejected
            await self._carry_out(view, refused(view, str(refusal)))
            raise
        if plan.look_again_at is not None:
            seconds = (plan.look_again_at - view.now).total_seconds()
            self._queue.add_after(key, seconds, self.intake.urgency(key))

    async def _with_nodes(self, view: View) -> View:
        return await self._observer.with_nodes(view) if asks_after_nodes(view) else view


def _needs_the_whole(view: View, plan: Plan) -> bool:
    """Whether the plan writes again what is not kept in full: finalizers, and the output."""
    finalizers = any(isinstance(action, Claim | Release) for action in plan.actions)
    many = len(view.run.metadata.finalizers) >= MOST_FINALIZERS
    writes = plan.status is not None and plan.status != view.run.status
    return (finalizers and many) or (writes and view.run.output_dropped)
