"""What comes in: from the watches, from full reads, and from the answers to writes.

Here alone, the cache changes, and what changes puts keys into the queue.
"""

import asyncio
import logging
from collections.abc import Iterable
from contextlib import suppress

from agentrun_kube.client.kube import NO_ANSWER, ApiError, Kube
from agentrun_kube.names import LABEL_INSTANCE
from agentrun_kube.objects import Object

from ..facts.objects import labels
from .cache import Cache
from .records import Record
from .watched import WATCHED
from .workqueue import Key, Reconciler, Urgency, WorkQueue

logger = logging.getLogger(__name__)

SLICE = 500  # keys that are queued in one go
RECENT_SECONDS = 5.0
_UNWATCHED = {"jobs": Reconciler.UNWATCHED_JOB, "pods": Reconciler.UNWATCHED_POD}


class Intake:
    def __init__(self, kube: Kube, share: int, instance: str | None = None) -> None:
        """``share``: how many keys of one namespace may be worked on at a time."""
        self._kube = kube
        self._instance = instance
        self.selectors = {plural: row.selectors_of(instance) for plural, row in WATCHED.items()}
        self.cache = Cache()
        self.queue = WorkQueue(share)
        self.works = False  # a standby only keeps its cache
        self._has_kept = False  # whether a standby has kept what has left its watches
        self.unwatched: dict[
            Key, Record
        ] = {}  # Jobs and pods, as they were when they left the watch
        self.versions: dict[str, int] = {}  # of each kind: up to which everything is here
        self.last_sync: float | None = None  # monotonic seconds

    def learn(self, plural: str, obj: Object) -> None:
        """Take in the object as a watch, a read or the answer to a write has it."""
        if not self.is_own(plural, obj):
            return  # a direct read may show it
        if self.cache.has(plural, obj["metadata"]):
            return  # most of what a watch or a resync tells is known by the answers to writes
        new = self._record(plural, obj)
        if new is not None:
            self.add(self.cache.upsert(new) or ())

    def is_own(self, plural: str, obj: Object) -> bool:
        """Whether this instance of the operator works with the object. All share the Agents."""
        return WATCHED[plural].shared or labels(obj).get(LABEL_INSTANCE) == self._instance

    def forget(self, plural: str, obj: Object) -> None:
        """Take in a DELETED event: the object is gone, or has left the selection."""
        gone = self._record(plural, obj)
        if gone is not None:
            self.remove(gone)

    def remove(self, gone: Record) -> None:
        """A run that leaves is settled. A Job or pod that leaves has succeeded or is labelled as
        finished; it is re-read once if a run depends on it. A standby keeps the last known state
        until it leads.
        """
        if gone.plural in _UNWATCHED and self.cache.is_wanted(gone):
            if not self.works:
                self._has_kept = True
                return
            key = Key(_UNWATCHED[gone.plural], gone.namespace, gone.name)
            self.unwatched[key] = gone
            self.queue.add(key)
        else:
            self.add(self.cache.remove(gone))

    def _record(self, plural: str, obj: Object) -> Record | None:
        """What is kept of it; None of one that cannot be parsed, which must not hide the others."""
        try:
            return WATCHED[plural].parse(obj)
        except Exception:
            meta = obj.get("metadata") or {}
            logger.exception("%s %s/%s", plural, meta.get("namespace"), meta.get("name"))
            return None

    def add(self, keys: Iterable[Key], urgency: Urgency | None = None) -> None:
        if self.works:
            for key in keys:
                self.queue.add(key, self.urgency(key) if urgency is None else urgency)

    def urgency(self, key: Key) -> Urgency:
        """Stops come before starts."""
        run = self.cache.run(key.namespace, key.name) if key.reconciler == Reconciler.RUN else None
        stops = run is not None and (run.spec.cancel is not None or run.deleting)
        return Urgency.STOP if stops else Urgency.NEWS

    def request_cleanup(self, namespace: str, claim_name: str) -> None:
        """Queue the claim. Runs repeat the request at every look; a refused one keeps its timer."""
        key = Key(Reconciler.CLEANUP, namespace, claim_name)
        if not self.queue.is_due_after_failure(key):
            self.queue.add(key, Urgency.STOP)

    async def begin(self) -> None:
        """Work from now on, on a cache that is known to be complete.

        A standby keeps what has left its watches, so it has to read everything again. A process
        that has read everything a moment ago does so only if something has left since.
        """
        self.works = True
        synced, now = self.last_sync, asyncio.get_running_loop().time()
        if synced is None or now - synced > RECENT_SECONDS or self._has_kept:
            await self.sync()
        else:
            await self._look_at_all()

    async def sync(self) -> None:
        """Read all that is watched in full, and look at everything once more."""
        kept, self._has_kept = self._has_kept, False
        try:
            for plural in WATCHED:
                await self.read_all(plural)
        except BaseException:
            self._has_kept = self._has_kept or kept
            raise
        await self._look_at_all()
        self.last_sync = asyncio.get_running_loop().time()

    async def _look_at_all(self) -> None:
        for plural in WATCHED:
            for number, known in enumerate(self.cache.all(plural)):
                self.add(known.own_keys(self.cache), Urgency.ROUTINE)
                if number % SLICE == SLICE - 1:
                    await asyncio.sleep(0)

    async def get_run(self, namespace: str, name: str) -> Object | None:
        """The run, read directly; None if it is gone or another instance's. Learns what it is like.

        Not only the cache: a later watch event would look like a duplicate and be dropped.
        """
        known = self.cache.record("agentruns", namespace, name)
        found = await self._kube.get("agentruns", namespace, name)
        if found is not None and not self.is_own("agentruns", found):
            found = None
        if found is not None:
            self.learn("agentruns", found)
        elif known is not None:
            self.remove(known)
        return found

    async def read_run(self, namespace: str, name: str) -> None:
        """Learn what the run is like now, if the API server answers."""
        with suppress(ApiError, *NO_ANSWER):
            await self.get_run(namespace, name)

    async def read_all(self, plural: str) -> None:
        """Read the kind in full, and forget what is missing from the list."""
        listed: set[tuple[str, str]] = set()

        def take(obj: Object) -> None:
            meta = obj["metadata"]
            listed.add((meta["namespace"], meta["name"]))
            self.learn(plural, obj)

        version = await self._kube.each(plural, take, **self.selectors[plural])
        for missing in self.cache.missing(plural, listed, version):
            self.remove(missing)
        self.versions.setdefault(plural, version)
