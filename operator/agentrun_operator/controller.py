"""The loop: take a key, hand it to its reconciler, and try again later what has failed."""

import asyncio
import logging
import random
from collections.abc import Awaitable, Callable

from agentrun_kube.client.kube import NO_ANSWER, ApiError, Kube

from .cleanups.own import OwnCleanups
from .cleanups.reconcile import CleanupReconciler
from .installation import Installation
from .runs.reconcile import RunReconciler
from .runs.refusals import JobRefusedError
from .state.intake import Intake
from .state.unwatched import UnwatchedReconciler
from .state.workqueue import Key, Reconciler

logger = logging.getLogger(__name__)

# Each may hold an Agent that takes 40 MiB once it is read, and the container has 512.
WORKERS = 10
WORKERS_OF_NAMESPACE = 5  # so that the slow requests of one leave room for the others
LONGEST_RECONCILE_SECONDS = 120.0
RESYNC_SECONDS = 120.0
FIRST_RESYNC_SECONDS = 10.0


class Controller:
    def __init__(self, kube: Kube, installation: Installation) -> None:
        self.intake = intake = Intake(kube, WORKERS_OF_NAMESPACE, installation.instance)
        self._queue = intake.queue
        own = OwnCleanups()
        unwatched = UnwatchedReconciler(kube, intake)
        self._reconcilers: dict[Reconciler, Callable[[Key], Awaitable[None]]] = {
            Reconciler.RUN: RunReconciler(kube, intake, own, installation).reconcile,
            Reconciler.CLEANUP: CleanupReconciler(kube, intake, own, installation).reconcile,
            Reconciler.UNWATCHED_JOB: unwatched.reconcile,
            Reconciler.UNWATCHED_POD: unwatched.reconcile,
        }
        self._tasks: list[asyncio.Task[None]] = []

    async def start(self) -> None:
        """Read everything: nothing is decided on a half-full cache."""
        await self.intake.sync()
        self._tasks.append(asyncio.create_task(self._resync()))

    async def work(self) -> None:
        """Work from now on."""
        await self.intake.begin()
        self._tasks += [asyncio.create_task(self._work()) for _ in range(WORKERS)]

    async def stop(self) -> None:
        """Leave everything as it is; the next operator continues from there."""
        self._queue.close()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def _resync(self) -> None:
        # The first one soon: no watch reports what changed before the watch began.
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
                    await self._reconcilers[key.reconciler](key)
            except ApiError as error:
                # 404, 409, and 422 of a test in a patch: another client changed the object first.
                level = logging.INFO if error.status in (404, 409, 422) else logging.WARNING
                logger.log(level, "%s %s/%s: %s", *key, error)
                if key.reconciler == Reconciler.RUN:
                    await self.intake.read_run(key.namespace, key.name)
                self._add_failed(key)
            except NO_ANSWER as error:
                logger.warning("%s %s/%s: %r", *key, error)
                self._add_failed(key)
            except JobRefusedError as refusal:
                logger.info("%s %s/%s: Job refused: %s", *key, refusal)
                self._add_failed(key)
            except Exception:
                logger.exception("%s %s/%s", *key)
                self._add_failed(key)
            else:
                self._queue.forget_failures(key)
            finally:
                self._queue.done(key)
            # A decision that sends no request never yields the event loop by itself.
            await asyncio.sleep(0)

    def _add_failed(self, key: Key) -> None:
        self._queue.add_failed(key, self.intake.urgency(key))
