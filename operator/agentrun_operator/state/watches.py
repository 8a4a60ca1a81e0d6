"""Keeps a watch on every kind: what changes goes to the intake, one object at a time.

A watch begins at the version of a full read, so that no change between the two is missed. It
resumes at its last version, or with a full read if the API server no longer has that version.
"""

import asyncio
import logging
import random

from agentrun_kube.client.kube import NO_ANSWER, ApiError, Kube

from .intake import Intake
from .watched import WATCHED

logger = logging.getLogger(__name__)

FIRST_BACKOFF, LONGEST_BACKOFF = 0.5, 20.0
GONE = 410  # HTTP: that version is too old
BUSY = (429, 503)  # a full read would only be more work for the server


class Watches:
    def __init__(self, kube: Kube, intake: Intake) -> None:
        self._kube = kube
        self._intake = intake

    async def run(self) -> None:
        """Watch until cancelled."""
        async with asyncio.TaskGroup() as tasks:
            for plural in WATCHED:
                tasks.create_task(self._keep(plural))

    async def _keep(self, plural: str) -> None:
        failures = 0
        while True:
            try:
                had_events = await self._follow(plural)
            except ApiError as error:
                logger.info("watch of %s: %s", plural, error)
                if error.status not in BUSY:
                    self._intake.versions.pop(plural, None)
                had_events = error.status == GONE
            except NO_ANSWER as error:
                logger.info("watch of %s: %r", plural, error)
                had_events = False
            except Exception:
                logger.exception("watch of %s", plural)
                self._intake.versions.pop(plural, None)
                had_events = False
            failures = 0 if had_events else failures + 1
            if failures:
                backoff = min(FIRST_BACKOFF * 2.0 ** min(failures, 16), LONGEST_BACKOFF)
                await asyncio.sleep(backoff * random.uniform(0.5, 1.0))  # noqa: S311 (no secret)

    async def _follow(self, plural: str) -> bool:
        """Follow the kind until the server ends the watch. Whether there was any event."""
        intake, had_events = self._intake, False
        if plural not in intake.versions:
            await intake.read_all(plural)
        version = intake.versions[plural]
        async for kind, obj in self._kube.watch(plural, version, **intake.selectors[plural]):
            if kind == "DELETED":
                intake.forget(plural, obj)
            elif kind != "BOOKMARK":
                intake.learn(plural, obj)
            intake.versions[plural] = int(obj["metadata"]["resourceVersion"])
            had_events = True
        return had_events
