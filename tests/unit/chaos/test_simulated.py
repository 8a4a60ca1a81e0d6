"""The short form of ``make chaos``, layer 1, and that it would find what it looks for."""

from collections.abc import Callable
from dataclasses import replace

import pytest
from hypothesis import Phase, settings

from agentrun_operator.cleanup_facts import cleanup_job_facts, cleanup_runs
from agentrun_operator.facts import PodFacts
from agentrun_operator.models import AgentRun
from agentrun_operator.observe import Observer
from agentrun_operator.own_cleanups import Work
from agentrun_operator.policy import status
from agentrun_operator.policy.cleanup import CleanupJob
from agentrun_operator.policy.view import ThreadView, View
from agentrun_operator.thread_index import ThreadIndex
from chaos.simulated import campaign as runs
from chaos.simulated.campaign import Finding, campaign
from chaos.simulated.schedule import run_schedule, written
from judge.invariants import ALIVE_AFTER_END, LEFTOVER, NOT_SETTLED, TWO_ON_THREAD, UNTRUE
from simulated import policies
from simulated.clock import VirtualLoop

SCHEDULES = 400  # some 20 s of CPU time; `make chaos` is the long form
ENOUGH = 1500  # schedules in which a planted fault is found, with room to spare

First = Callable[[str], Finding | None]


@pytest.fixture
def first(monkeypatch: pytest.MonkeyPatch) -> First:
    """The first schedule that breaks an invariant, as long as it is."""
    monkeypatch.setattr(runs, "SETTINGS", settings(runs.SETTINGS, phases=(Phase.generate,)))
    return lambda invariant: next(iter(campaign(ENOUGH, "planted", 1, [invariant]).findings), None)


def broken_by(schedule: str) -> list[str]:
    """The invariants that a schedule breaks."""
    loop = VirtualLoop()
    result = run_schedule(written(schedule), loop)
    loop.close()
    return [invariant for invariant, _ in result.violations]


def test_no_schedule_breaks_an_invariant() -> None:
    report = campaign(SCHEDULES, "short", 1)
    assert not report.findings, report.table()
    assert report.schedules == SCHEDULES


def test_a_schedule_runs_the_same_each_time() -> None:
    first, second = (campaign(20, "same") for _ in range(2))
    assert replace(first, seconds=0) == replace(second, seconds=0)
    assert first.steps > 20 and first.faults.total() > 20


def test_a_run_that_ends_while_its_pod_lives_is_found(
    first: First, monkeypatch: pytest.MonkeyPatch
) -> None:
    ended = ("Succeeded", "Failed")
    alive = property(lambda pod: pod.phase not in ended and not pod.signalled)
    monkeypatch.setattr(PodFacts, "alive", alive)
    assert first(ALIVE_AFTER_END)


def test_a_rollback_without_clean_up_is_found(
    first: First, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(View, "may_have_checkpoints", property(lambda _: False))
    assert first(LEFTOVER)


def test_two_runs_on_a_thread_are_found(first: First, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Observer, "_thread", lambda *_: ThreadView())
    assert first(TWO_ON_THREAD)


def test_a_run_that_never_starts_is_found(first: First, monkeypatch: pytest.MonkeyPatch) -> None:
    def any_other(index: ThreadIndex, run: AgentRun) -> AgentRun | None:
        others = (other for other in index.of(run).runs.values() if not other.finished)
        return next((other for other in others if other.metadata.uid != run.metadata.uid), None)

    monkeypatch.setattr(ThreadIndex, "predecessor", any_other)
    assert first(NOT_SETTLED)


def test_a_time_out_that_was_none_is_found(first: First, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(PodFacts, "timed_out", property(lambda pod: bool(pod.reason)))
    assert first(UNTRUE)


def test_a_start_that_was_none_is_found(first: First, monkeypatch: pytest.MonkeyPatch) -> None:
    counted = status._starts

    def one_more(view: View) -> dict[str, object]:
        starts = counted(view)
        return starts | {"attempts": 7} if starts else {}

    monkeypatch.setattr(status, "_starts", one_more)
    assert first(UNTRUE)


# A tenant's clean-up Job reports that the run is clean; then a user rolls the run back.
FORGED_REPORT = """
    create_run 0
    operator_starts 0
    all_go_on 0
    all_go_on 0
    agent_writes 0
    forge_cleanup_job 0
    cluster_goes_on 0
    cluster_goes_on 0
    forged_container_ends 0
    rollback 0
"""


def test_a_forged_report_that_is_believed_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    def believe_the_annotations(observer: Observer, namespace: str, claim: str) -> list[CleanupJob]:
        return [
            cleanup_job_facts(job, pods, Work(frozenset(cleanup_runs(job)), attempt=1), {})
            for job, pods in observer._cache.cleanups(namespace, claim)
        ]

    assert broken_by(FORGED_REPORT) == []
    monkeypatch.setattr(Observer, "cleanup_jobs", believe_the_annotations)
    assert set(broken_by(FORGED_REPORT)) == {LEFTOVER}


def test_a_policy_that_is_missing_is_found(first: First, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(policies, "_jobs_and_pods", lambda *_: ())
    assert first(UNTRUE)


def test_what_is_found_is_made_shorter(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(View, "may_have_checkpoints", property(lambda _: False))
    (finding,) = campaign(ENOUGH, "planted", 1, [LEFTOVER]).findings
    assert len(finding.trace) <= 15
    assert finding.invariant == LEFTOVER
