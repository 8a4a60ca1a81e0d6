"""Defects to plant in the operator, by which the campaign and its judge are tested."""

from collections.abc import Callable, Iterator, Set
from contextlib import contextmanager
from dataclasses import dataclass
from unittest.mock import patch

from agentrun_kube.v1alpha1.agent_run import AgentRun
from agentrun_operator.cleanups.own import OwnCleanups
from agentrun_operator.facts.cleanups import (
    CleanupJobFacts,
    Work,
    cleanup_job_facts,
    cleanup_runs,
)
from agentrun_operator.facts.pods import PodFacts
from agentrun_operator.runs.observe import Observer
from agentrun_operator.runs.policy import status
from agentrun_operator.runs.view import ThreadView, View
from agentrun_operator.state.cache import Cache
from agentrun_operator.state.thread_index import ThreadIndex
from judge.invariants import ALIVE_AFTER_END, LEFTOVER, NOT_SETTLED, TWO_ON_THREAD, UNTRUE
from simulated import policies

from .campaign import campaign

ENOUGH = 1500  # schedules in which a planted defect is found, with room to spare
SHORT = 15  # steps of a shrunk schedule, at most


@dataclass(frozen=True)
class Defect:
    """``schedule`` breaks the invariant, and none without the defect."""

    name: str
    invariant: str
    where: object
    attribute: str
    instead: object
    schedule: str

    @contextmanager
    def planted(self) -> Iterator[None]:
        with patch.object(self.where, self.attribute, self.instead):
            yield


def _any_other(index: ThreadIndex, run: AgentRun) -> AgentRun | None:
    others = (other for other in index.of(run).runs.values() if not other.finished)
    return next((other for other in others if other.metadata.uid != run.metadata.uid), None)


def _believe_annotations(
    _: OwnCleanups, cache: Cache, namespace: str, claim: str, run_uids: Set[str]
) -> list[CleanupJobFacts]:
    found = []
    for job in cache.cleanup_jobs(namespace, claim):
        assert job.cleanup is not None
        pods = [pod.cleanup for pod in cache.pods_of_job(job.uid) if pod.cleanup]
        work = Work(frozenset(run_uids & cleanup_runs(job.cleanup).keys()), attempt=1)
        found.append(cleanup_job_facts(job.cleanup, pods, work, {}))
    return found


def _one_more(counted: Callable[[View], dict[str, object]]) -> Callable[[View], dict[str, object]]:
    def starts(view: View) -> dict[str, object]:
        found = counted(view)
        return found | {"attempts": 7} if found else {}

    return starts


_LIVE_RUN = """
    create_run 0
    operator_starts 0
    all_go_on 0
    all_go_on 0
"""
DEFECTS = (
    Defect(
        "a pod that is being deleted counts as dead",
        ALIVE_AFTER_END,
        PodFacts,
        "alive",
        property(lambda pod: pod.phase not in ("Succeeded", "Failed") and not pod.signalled),
        f"{_LIVE_RUN} delete_job 0\n cluster_goes_on 0\n operators_go_on 0\n operators_go_on 0",
    ),
    Defect(
        "a rolled-back run is not cleaned",
        LEFTOVER,
        View,
        "may_have_checkpoints",
        property(lambda _: False),
        f"{_LIVE_RUN} agent_writes 0\n rollback 0",
    ),
    Defect(
        "a run does not see the others of its thread",
        TWO_ON_THREAD,
        Observer,
        "_thread",
        lambda *_: ThreadView(),
        f"{_LIVE_RUN} create_run 1\n all_go_on 0\n all_go_on 0",
    ),
    Defect(
        "two runs of a thread wait for each other",
        NOT_SETTLED,
        ThreadIndex,
        "predecessor",
        _any_other,
        "create_run 0\n create_run 1\n operator_starts 0",
    ),
    Defect(
        "an eviction passes for a time-out",
        UNTRUE,
        PodFacts,
        "timed_out",
        property(lambda pod: bool(pod.reason)),
        f"{_LIVE_RUN} kubelet_evicts 0\n all_go_on 0",
    ),
    Defect(
        "a status counts starts that were none",
        UNTRUE,
        status,
        "_starts",
        _one_more(status._starts),
        f"{_LIVE_RUN} agent_finishes 0",
    ),
    Defect(
        "a clean-up Job is believed by its annotations",
        LEFTOVER,
        OwnCleanups,
        "jobs",
        _believe_annotations,
        f"{_LIVE_RUN} agent_writes 0\n forge_finished_cleanup 0\n rollback 0",
    ),
    Defect(
        "the policies for Jobs and pods are missing",
        UNTRUE,
        policies,
        "_jobs_and_pods",
        lambda *_: (),
        """
        policies_are_installed 0
        create_run 0
        operator_starts 0
        forge_run_job 14
        all_go_on 0
        all_go_on 0
        forged_container_ends 0
        """,
    ),
)


def self_check() -> list[str]:
    """Plants each defect, and searches for it at random; what was not found, or is not short."""
    missed = []
    for defect in DEFECTS:
        with defect.planted():
            findings = campaign(ENOUGH, "planted", 1, [defect.invariant]).findings
        if not findings:
            missed.append(f"not found: {defect.name}")
        elif len(findings[0].trace) > SHORT:
            missed.append(f"{defect.name}: not made shorter\n{findings[0]}")
    return missed
