"""Builds the view that a decision is made from: from the cache, or from direct reads."""

import asyncio
from collections.abc import Iterable
from dataclasses import replace
from itertools import islice

from agentrun_kube import defaults
from agentrun_kube.client.kube import Kube
from agentrun_kube.client.paths import all_of, field_is, label_is
from agentrun_kube.client.pod_log import last_lines
from agentrun_kube.names import (
    AGENT_CONTAINER,
    COMPONENT_AGENT,
    LABEL_COMPONENT,
    LABEL_MANAGED_BY,
    LABEL_RUN_UID,
    LABEL_THREAD,
    MANAGED_BY,
)
from agentrun_kube.objects import Object
from agentrun_kube.termination_report import REPORT_LINES
from agentrun_kube.v1alpha1.agent import Agent
from agentrun_kube.v1alpha1.agent_run import AgentRun
from agentrun_kube.vocabulary import FINAL_PHASES, Cancel

from .. import clock
from ..cleanups.own import OwnCleanups
from ..cleanups.policy import cleanup_of
from ..facts.jobs import JobFacts, job_facts
from ..facts.pods import PodFacts
from ..facts.runs import kept_agent, kept_run, read_run
from ..installation import Installation
from ..state.intake import Intake
from ..state.records import PodRecord, pod_record, pods_of_run
from .policy.threads import NEEDS_THOSE_AHEAD, rejected_by
from .view import ThreadView, View

MOST_HOLDERS = 5  # that are read directly: one other is enough to wait


class Observer:
    def __init__(
        self, kube: Kube, intake: Intake, cleanups: OwnCleanups, installation: Installation
    ) -> None:
        self._kube = kube
        self._intake = intake
        self._cache = intake.cache
        self._cleanups = cleanups
        self._installation = installation

    def from_cache(self, run: AgentRun) -> View:
        namespace, name = run.metadata.namespace, run.metadata.name
        job = self._cache.job(namespace, name)
        agent = self._cache.agent(namespace, run.spec.agent_ref.name)
        return self._view(
            run,
            agent,
            None if job is None else job.facts,
            self._cache.pods_of_run(run.metadata.uid),
            self._thread(run, agent),
        )

    def leftovers_of(
        self, namespace: str, name: str
    ) -> tuple[JobFacts | None, tuple[PodFacts, ...]]:
        """Job and pods, as far as they are watched, of runs of that name; they may be gone."""
        job = self._cache.job(namespace, name)
        pods = self._cache.pods_named_for(namespace, name)
        facts = job.facts if job is not None and job.of_agent else None
        return facts, tuple(pod.facts for pod in pods)

    async def live(self, namespace: str, name: str) -> View | None:
        """The run's view from direct reads.

        None if the run is gone, also if another instance has one of its name. Of a fresh run, see
        `is_fresh`, neither pods nor the thread are read.
        """
        found = await self._intake.get_run(namespace, name)
        if found is None:
            return None
        run = read_run(found)
        del found  # it may be large, and others are read meanwhile
        agent, whole_agent = await self._agent(namespace, run.spec.agent_ref.name)
        if is_fresh(run, agent):
            job, pods = await self._job(namespace, name), self._cache.pods_of_run(run.metadata.uid)
            return self._view(run, whole_agent, job, pods, self._thread(run, agent))
        (job, pods), holders, on_thread = await asyncio.gather(
            self._job_and_pods(namespace, name, run.metadata.uid),
            self._live_holders(run),
            self._live_pods_on_thread(run),
        )
        thread = self._thread(run, agent, holders, on_thread)
        rival = rejected_by(run, thread)
        if rival is not None and rival in thread.ahead:
            # This run is rejected because of that one, which may be gone by now.
            await self._intake.get_run(namespace, rival.metadata.name)
            thread = self._thread(run, agent, holders, on_thread)
        return self._view(run, whole_agent, job, pods, thread)

    async def with_own_reads(self, run: AgentRun) -> View:
        """As from the cache, but with the run's Job, pods and thread read directly.

        For every decision but a start. Such a decision needs no more of the run and of its Agent
        than the cache keeps, and the API server refuses writes to a run that has changed since.
        """
        namespace, name = run.metadata.namespace, run.metadata.name
        agent = self._cache.agent(namespace, run.spec.agent_ref.name)
        if agent is None:  # the watch may not have shown it yet
            agent, _ = await self._agent(namespace, run.spec.agent_ref.name)
        (job, pods), holders = await asyncio.gather(
            self._job_and_pods(namespace, name, run.metadata.uid), self._live_holders(run)
        )
        return self._view(run, agent, job, pods, self._thread(run, agent, holders))

    async def with_thread(self, fresh: View, answer: Object) -> View:
        """The view of a run that was fresh, after a write, with its thread read directly."""
        run = read_run(answer)
        holders, on_thread = await asyncio.gather(
            self._live_holders(run), self._live_pods_on_thread(run)
        )
        thread = self._thread(run, fresh.agent, holders, on_thread)
        pods = self._cache.pods_of_run(run.metadata.uid)
        return self._view(run, fresh.agent, fresh.job, pods, thread)

    async def _agent(self, namespace: str, name: str) -> tuple[Agent | None, Agent | None]:
        found = await self._kube.get("agents", namespace, name)
        if found is None:
            return None, None
        return kept_agent(found), Agent.model_validate(found)

    async def _job_and_pods(
        self, namespace: str, name: str, uid: str
    ) -> tuple[JobFacts | None, list[PodRecord]]:
        # The Job first: a pod that it made before it was gone or finished must be among the pods.
        job = await self._job(namespace, name)
        found, _ = await self._kube.list(
            "pods", namespace, labelSelector=label_is(LABEL_RUN_UID, uid)
        )
        pods = [pod_record(pod) for pod in found]
        for number, pod in enumerate(pods):
            if pod.facts.report_cut and pod.of_agent:
                log = await last_lines(
                    self._kube, namespace, pod.name, AGENT_CONTAINER, REPORT_LINES
                )
                pods[number] = pod_record(found[number], log)
        return job, pods

    async def _job(self, namespace: str, name: str) -> JobFacts | None:
        found = await self._kube.get("jobs", namespace, name)
        return None if found is None else job_facts(found)

    async def with_nodes(self, view: View) -> View:
        """The same, and which nodes of its live pods have lost their kubelet."""
        names = {pod.node for pod in view.alive if pod.node}
        nodes = {name: await self._kube.get("nodes", None, name) for name in names}
        lost = frozenset(n for n, node in nodes.items() if node is None or _is_unreachable(node))
        return replace(view, unreachable_nodes=lost)

    async def _live_holders(self, run: AgentRun) -> list[AgentRun]:
        """Some of the runs that have the thread by their status, of whatever instance."""
        if not _asks_for_thread(run):
            return []
        assert run.spec.thread is not None
        # A run that awaits its clean-up need not wait for others that await theirs.
        finished = [
            f"status.phase!={phase}" for phase in sorted(FINAL_PHASES) if run.status.job_uid
        ]
        selector = all_of(
            field_is("spec.thread", run.spec.thread), "status.holdsThread=true", *finished
        )
        namespace = run.metadata.namespace
        found = await self._kube.some("agentruns", MOST_HOLDERS, namespace, fieldSelector=selector)
        for obj in found:
            # Otherwise two runs would add and remove their finalizers in turn until the watch
            # catches up.
            self._intake.learn("agentruns", obj)
        return [kept_run(obj) for obj in found]

    async def _live_pods_on_thread(self, run: AgentRun) -> list[PodRecord]:
        if run.spec.thread is None or not _asks_for_thread(run):
            return []
        ours = (label_is(LABEL_MANAGED_BY, MANAGED_BY), label_is(LABEL_COMPONENT, COMPONENT_AGENT))
        pods: list[PodRecord] = []
        await self._kube.each(
            "pods",
            lambda pod: pods.append(pod_record(pod)),
            run.metadata.namespace,
            labelSelector=all_of(*ours, label_is(LABEL_THREAD, run.spec.thread)),
            fieldSelector="status.phase!=Succeeded",
        )
        return pods

    def _thread(
        self,
        run: AgentRun,
        agent: Agent | None,
        holders: Iterable[AgentRun] | None = None,
        on_thread: Iterable[PodRecord] | None = None,
    ) -> ThreadView:
        """``holders`` and ``on_thread``, if they were read directly."""
        if run.spec.thread is None:
            return ThreadView()
        index, uid = self._cache.threads, run.metadata.uid
        thread = index.of(run)
        if holders is None:
            holders = thread.holders.values()
        known = {other.metadata.uid: other for other in holders}
        cleaned = (other for other in thread.cleaned.values() if other.metadata.uid != uid)
        for other in islice(cleaned, 1):
            known.setdefault(other.metadata.uid, other)
        if on_thread is None:
            on_thread = self._cache.pods_on_thread(run.metadata.namespace, run.spec.thread)
        asks = defaults.multitask_strategy(run, agent) in NEEDS_THOSE_AHEAD
        return ThreadView(
            holders=tuple(other for other in known.values() if other.metadata.uid != uid),
            predecessor=index.predecessor(run),
            ahead=tuple(index.others_before(run)) if asks else (),
            intruders=tuple(
                pod.facts for pod in on_thread if pod.facts.alive and pod.facts.run_uid != uid
            ),
            highest_seq=index.highest_seq(run),
        )

    def _view(
        self,
        run: AgentRun,
        agent: Agent | None,
        job: JobFacts | None,
        pods: Iterable[PodRecord],
        thread: ThreadView,
    ) -> View:
        namespace, uid, time = run.metadata.namespace, run.metadata.uid, clock.now()
        claim = run.status.claim_name
        cleanup = None
        if claim is not None and (run.deleting or run.spec.cancel == Cancel.ROLLBACK):
            jobs = self._cleanups.jobs(self._cache, namespace, claim, {uid})
            cleanup = cleanup_of(run, jobs, self._cleanups.refusal(uid), time)
        return View(
            run=run,
            agent=agent,
            job=job,
            pods=pods_of_run(run, pods),
            gone_pods=self._cache.gone_pods(uid),
            thread=thread,
            cleanup=cleanup,
            namespace_terminating=self._cleanups.namespace_terminating(uid),
            unreachable_nodes=frozenset(),
            now=time,
            installation=self._installation,
        )


def is_fresh(run: AgentRun, agent: Agent | None) -> bool:
    """Whether nothing was ever made for the run, and its next step can be taken back.

    Before an operator makes a Job, it writes its finalizer, and for a run with a thread the Job's
    name into the status. A run whose strategy cancels others, or rejects it, is not fresh.
    """
    status, asks = run.status, defaults.multitask_strategy(run, agent) in NEEDS_THOSE_AHEAD
    written = run.has_finalizer or status.job_name or status.job_uid or run.holds_thread
    return not (written or run.finished or run.spec.cancel or run.deleting or asks)


def _asks_for_thread(run: AgentRun) -> bool:
    """Whether the run may take its thread next: to start on it, or to be cleaned from it."""
    if run.spec.thread is None:
        return False
    cleaned = run.spec.cancel == Cancel.ROLLBACK or (run.deleting and run.reclaims)
    return run.status.job_uid is None or cleaned


def _is_unreachable(node: Object) -> bool:
    # The node controller sets Unknown when the kubelet's lease has run out:
    # https://kubernetes.io/docs/reference/node/node-status/#condition
    conditions = node.get("status", {}).get("conditions") or []
    return any(c["type"] == "Ready" and c["status"] == "Unknown" for c in conditions)
