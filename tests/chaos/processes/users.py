"""What people do: create, cancel, delete, and lay hands on what is not theirs."""

import asyncio
from collections.abc import Awaitable, Callable
from random import Random

from agentrun_kube.client.kube import ApiError
from agentrun_kube.names import FINALIZER, LABEL_INSTANCE
from agentrun_kube.vocabulary import FINAL_PHASES
from agentrun_operator.facts.objects import condition_is_true
from judge.excuses import DELETED_BY_HAND, TAKEN_OFF
from objects import Object, finalizers, has_ended, is_deleting, name_of, phase_of, uid_of

from .api import Api, path_of
from .faults import Fault, Faults
from .recorder import Recorder

NAMES = tuple(f"r{number}" for number in range(30))
THREADS = (*(f"t{number}" for number in range(8)), None, None)
CASCADES = ("Background", "Background", "Foreground", "Orphan")
GRACE = 3


class Users:
    def __init__(
        self,
        api: Api,
        namespace: str,
        agents: tuple[str, ...],
        recorder: Recorder,
        faults: Faults,
        rng: Random,
    ) -> None:
        self._api = api
        self._namespace = namespace
        self._agents = agents
        self._recorder = recorder
        self._faults = faults
        self._rng = rng
        self._actions: dict[Callable[[], Awaitable[None]], float] = {
            self._create: 12,
            self._interrupt: 3,
            self._rollback: 3,
            self._delete: 3,
            self._delete_job: 1.2,
            self._delete_pod: 1,
            self._evict: 1.2,
            self._take_finalizer_off: 0.2,
        }

    async def act(self, pause: float) -> None:
        """For ever: one thing after the other."""
        while True:
            await asyncio.sleep(self._rng.uniform(0, 2 * pause))
            (action,) = self._rng.choices(list(self._actions), list(self._actions.values()))
            try:
                await action()
            except ApiError as error:
                # Name taken, refused by a rule of the CRD, gone, or too many evictions at once.
                if error.status not in (404, 409, 422, 429):
                    raise

    async def _one(self, plural: str, matters: Callable[[Object], bool]) -> Object | None:
        """Mostly one of those that matter, if there are any."""
        found: list[Object] = (await self._api.all(plural, self._namespace))["items"]
        found += [obj for obj in found if matters(obj)] * 5
        return self._rng.choice(found) if found else None

    async def _create(self) -> None:
        spec: Object = {
            "agentRef": {"name": self._rng.choice(self._agents)},
            "input": {},
            "gracePeriodSeconds": GRACE,
        }
        optional = (
            ("thread", THREADS),
            ("multitaskStrategy", (None, None, "reject", "interrupt", "rollback")),
            ("retries", (None, 1, 2)),
            ("cancel", (*[None] * 8, "interrupt", "rollback")),
            ("timeoutSeconds", (None, None, 6)),
            ("ttlSecondsAfterFinished", (None, None, 5)),
            ("reclaimPolicy", (None, None, "Delete")),
        )
        for field, values in optional:
            value = self._rng.choice(values)
            if value is not None:
                spec[field] = value
        instance = {LABEL_INSTANCE: self._namespace}
        meta: Object = {"name": self._rng.choice(NAMES), "labels": instance}
        if self._rng.random() < 0.2:
            meta["annotations"] = {"argocd.argoproj.io/tracking-id": "x"}
        run = {"apiVersion": "agentrun.dev/v1alpha1", "kind": "AgentRun", "metadata": meta}
        await self._api.create("agentruns", self._namespace, run | {"spec": spec})

    async def _cancel(self, how: str) -> None:
        run = await self._one("agentruns", _runs)
        if run is not None:
            patch = {"spec": {"cancel": how}}
            done = await self._api.patch("agentruns", self._namespace, name_of(run), patch)
            if done:
                self._recorder.requested(uid_of(done), how)

    async def _interrupt(self) -> None:
        await self._cancel("interrupt")

    async def _rollback(self) -> None:
        await self._cancel("rollback")

    async def _delete(self) -> None:
        """Mostly of what has ended, so that its name is free for another."""
        run = await self._one("agentruns", _has_ended)
        if run is not None:
            # Before the answer: the watch may tell of the removal sooner.
            self._recorder.requested(uid_of(run), "delete")
            await self._remove("agentruns", run)

    async def _remove(self, plural: str, obj: Object) -> bool:
        options = {
            "propagationPolicy": self._rng.choice(CASCADES),
            "preconditions": {"uid": uid_of(obj)},
        }
        done = await self._api.delete(plural, self._namespace, name_of(obj), **options)
        return done is not None

    async def _delete_job(self) -> None:
        job = await self._one("jobs", _goes_on)
        if job is None:
            return
        self._recorder.befell(uid_of(job), DELETED_BY_HAND)
        if await self._remove("jobs", job):
            self._faults.hit(Fault.JOB_DELETED)

    async def _delete_pod(self) -> None:
        pod = await self._one("pods", _lives)
        if pod is not None and await self._remove("pods", pod):
            self._faults.hit(Fault.POD_DELETED)

    async def _evict(self) -> None:
        pod = await self._one("pods", _lives)
        if pod is None or has_ended(pod) or is_deleting(pod):
            return
        eviction = {
            "apiVersion": "policy/v1",
            "kind": "Eviction",
            "metadata": {"name": name_of(pod), "namespace": self._namespace},
        }
        path = path_of("pods", self._namespace, name_of(pod), "eviction")
        await self._api.request("POST", path, eviction)
        self._faults.hit(Fault.POD_EVICTED)

    async def _take_finalizer_off(self) -> None:
        """From then on the run has no guard, until the operator has put it on again."""
        run = await self._one("agentruns", _runs)
        if run is None or is_deleting(run) or FINALIZER not in finalizers(run):
            return
        if phase_of(run) in ("Pending", "Running"):
            self._recorder.befell(uid_of(run), TAKEN_OFF)
            patch = {"metadata": {"uid": uid_of(run), "finalizers": None}}
            if await self._api.patch("agentruns", self._namespace, name_of(run), patch):
                self._faults.hit(Fault.FINALIZER_OFF)


def _runs(run: Object) -> bool:
    return phase_of(run) in ("Running", "Cancelling")


def _has_ended(run: Object) -> bool:
    return phase_of(run) in FINAL_PHASES


def _goes_on(job: Object) -> bool:
    return not condition_is_true(job, "Complete", "Failed")


def _lives(pod: Object) -> bool:
    return not has_ended(pod)
