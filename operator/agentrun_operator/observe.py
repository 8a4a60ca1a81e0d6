"""Gathers the state that a decision is made from: from the cache, or straight from the server."""

import asyncio
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime

from .cache import Cache
from .cleanup_facts import cleanup_job_facts
from .constants import (
    ANNOTATION_CLAIM,
    COMPONENT_CLEANUP,
    LABEL_COMPONENT,
    LABEL_JOB,
    LABEL_RUN,
    LABEL_RUN_UID,
)
from .facts import (
    JobFacts,
    Object,
    PodFacts,
    is_foreign,
    is_of_agent,
    is_pod_of,
    job_facts,
    labels,
    pod_facts,
)
from .kube import Kube
from .models import Agent, AgentRun
from .paths import all_of, field_is, label_is
from .policy.cleanup import CleanupJob, cleanup_of
from .policy.view import View


def now() -> datetime:
    """The time as statuses carry it: UTC, in milliseconds."""
    time = datetime.now(UTC)
    return time.replace(microsecond=time.microsecond // 1000 * 1000)


class Observer:
    """``learn`` is told of every run that was read directly.

    The cache alone must not know of it: what the watch says of it later would be no news.
    """

    def __init__(self, kube: Kube, cache: Cache, learn: Callable[[str, Object], None]) -> None:
        self._kube = kube
        self._cache = cache
        self._learn = learn
        # UIDs of runs whose namespace is being deleted, so that no clean-up pod can be made.
        self.doomed: set[str] = set()
        # Why the clean-up Job of a run is refused, by the run's UID.
        self.refusals: dict[str, str] = {}

    def from_cache(self, run: AgentRun) -> View:
        namespace, name = run.metadata.namespace, run.metadata.name
        thread = run.spec.thread
        runs = [] if thread is None else self._cache.runs_of_thread(namespace, thread)
        return self._view(
            run,
            self._cache.agent(namespace, run.spec.agent_ref.name),
            self._cache.get("jobs", namespace, name),
            list(self._cache.all("pods", namespace)),
            [run for run in runs if uses_thread(run)],
        )

    def left_by(self, namespace: str, name: str) -> tuple[JobFacts | None, tuple[PodFacts, ...]]:
        """Job and pods, as far as they are watched, of runs of that name; they may be gone."""
        job = self._cache.get("jobs", namespace, name)
        pods = [
            pod_facts(pod)
            for pod in self._cache.all("pods", namespace)
            if is_of_agent(pod) and labels(pod).get(LABEL_RUN) == name and not is_foreign(pod, name)
        ]
        facts = job_facts(job) if job is not None and is_of_agent(job) else None
        return facts, tuple(pods)

    async def live(self, namespace: str, name: str) -> View | None:
        """The same, read directly from the API server; None if the run is gone."""
        found = await self._kube.get("agentruns", namespace, name)
        if found is None:
            return None
        self._learn("agentruns", found)
        run = AgentRun.model_validate(found)
        uid, thread = run.metadata.uid, run.spec.thread
        agent, (job, pods), rivals = await asyncio.gather(
            self._kube.get("agents", namespace, run.spec.agent_ref.name),
            self._job_and_pods(namespace, name, uid),
            self._live_rivals(namespace, thread),
        )
        return self._view(run, Agent.model_validate(agent) if agent else None, job, pods, rivals)

    async def _job_and_pods(
        self, namespace: str, name: str, uid: str
    ) -> tuple[Object | None, list[Object]]:
        # The Job first: a pod that it made before it was gone or finished must be among the pods.
        job = await self._kube.get("jobs", namespace, name)
        pods, _ = await self._kube.list(
            "pods", namespace, labelSelector=label_is(LABEL_RUN_UID, uid)
        )
        return job, pods

    async def job_with_its_pods(
        self, namespace: str, name: str
    ) -> tuple[Object | None, list[Object]]:
        """A Job of ours, read directly, and the pods that it has made."""
        job = await self._kube.get("jobs", namespace, name)
        pods, _ = await self._kube.list("pods", namespace, labelSelector=label_is(LABEL_JOB, name))
        return job, pods

    async def with_nodes(self, view: View) -> View:
        """The same, and which nodes of its live pods have lost their kubelet."""
        names = {pod.node for pod in view.alive if pod.node}
        nodes = {name: await self._kube.get("nodes", None, name) for name in names}
        lost = frozenset(n for n, node in nodes.items() if node is None or _is_unreachable(node))
        return replace(view, unreachable_nodes=lost)

    async def _live_rivals(self, namespace: str, thread: str | None) -> list[AgentRun]:
        if thread is None:
            return []
        selector = all_of(field_is("spec.thread", thread), "status.settled!=true")
        found, _ = await self._kube.list("agentruns", namespace, fieldSelector=selector)
        for obj in found:
            # Else a claim that the watch has not told of yet would be taken and given up in turns.
            self._learn("agentruns", obj)
        runs = [AgentRun.model_validate(obj) for obj in found]
        return [run for run in runs if uses_thread(run)]

    def _view(
        self,
        run: AgentRun,
        agent: Agent | None,
        job: Object | None,
        pods: list[Object],
        rivals: list[AgentRun],
    ) -> View:
        namespace, uid, time = run.metadata.namespace, run.metadata.uid, now()
        mine = [pod_facts(pod) for pod in pods if is_pod_of(run, pod)]
        claim = run.status.claim_name
        cleanup = None
        if claim is not None:
            refusal = self.refusals.get(uid, "")
            cleanup = cleanup_of(run, self.cleanup_jobs(namespace, claim), refusal, time)
        return View(
            run=run,
            agent=agent,
            job=job_facts(job) if job else None,
            pods=tuple(sorted(mine, key=lambda pod: pod.created_at)),
            departed=self._cache.departed(uid),
            rivals=tuple(rival for rival in rivals if rival.metadata.uid != uid),
            cleanup=cleanup,
            namespace_terminating=uid in self.doomed,
            unreachable_nodes=frozenset(),
            now=time,
        )

    def cleanup_jobs(self, namespace: str, claim: str) -> list[CleanupJob]:
        """The clean-up Jobs of a claim."""
        pods = [p for p in self._cache.all("pods", namespace) if _is_cleanup(p)]
        return [
            cleanup_job_facts(job, [p for p in pods if _owned_by(p, job)])
            for job in self._cache.all("jobs", namespace)
            if _is_cleanup(job)
            and (job["metadata"].get("annotations") or {}).get(ANNOTATION_CLAIM) == claim
        ]


def uses_thread(run: AgentRun) -> bool:
    """Whether a run has, or may yet have, something to do with its thread's directory."""
    return not run.finished or (run.deleting and run.claimed)


def _is_unreachable(node: Object) -> bool:
    # The node controller sets Unknown when the kubelet's lease has run out:
    # https://kubernetes.io/docs/reference/node/node-status/#condition
    conditions = node.get("status", {}).get("conditions") or []
    return any(c["type"] == "Ready" and c["status"] == "Unknown" for c in conditions)


def _is_cleanup(obj: Object) -> bool:
    return labels(obj).get(LABEL_COMPONENT) == COMPONENT_CLEANUP


def _owned_by(pod: Object, job: Object) -> bool:
    refs = pod["metadata"].get("ownerReferences", [])
    return any(ref["uid"] == job["metadata"]["uid"] for ref in refs)
