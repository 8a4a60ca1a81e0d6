"""The judge, given events that no layer's own tests give it."""

from datetime import UTC, datetime
from typing import Any

from chaos.pods import recorder as pods
from chaos.processes import recorder as processes
from chaos.verdicts import invariant_rows, never_judged
from judge.excuses import PUT_ON, TAKEN_OFF
from judge.history import (
    Attempt,
    Befell,
    Cleaned,
    Event,
    Failures,
    Ran,
    RunWritten,
    Settled,
    Wrote,
)
from judge.invariants import (
    CRASHED,
    INVARIANTS,
    LOST_CANCEL,
    MISSING,
    NOT_SETTLED,
    PHASE_CHANGED,
    UNTRUE,
)
from judge.judge import Judge

STARTED = datetime(2026, 1, 1, tzinfo=UTC)
ATTEMPT = Attempt(
    STARTED, timed_out=False, failed=True, evicted=False, overused=False, killed=False
)


def written(phase: str, status: dict[str, Any] | None = None, **spec: Any) -> RunWritten:
    meta = {"name": "r", "uid": "u"}
    full = {"phase": phase, **(status or {})}
    return RunWritten({"metadata": meta, "spec": {"thread": "t", **spec}, "status": full})


def judged(*events: Event, blind: dict[str, str] | None = None) -> Judge:
    judge = Judge(blind)
    for event in events:
        judge.see(event)
    judge.rule()
    return judge


def broken(*events: Event) -> list[str]:
    return [invariant for invariant, _ in judged(*events).violations]


def test_a_status_that_counts_more_starts_than_there_were_is_untrue() -> None:
    ran = Ran("u", (ATTEMPT,), frozenset(), disturbed=False)
    started = {"startedAt": STARTED.isoformat(), "lastStartedAt": STARTED.isoformat()}
    conditions = [{"type": "Started", "status": "True", "reason": "Started"}]
    true = {"attempts": 1, "conditions": conditions, **started}
    assert broken(written("Running"), ran, written("Failed", true)) == []
    false = true | {"attempts": 2}
    assert broken(written("Running"), ran, written("Failed", false)) == [UNTRUE]


def test_without_observed_attempts_there_is_no_verdict_on_the_status() -> None:
    judge = judged(written("Running"), written("Failed", {"attempts": 9}))
    assert judge.violations == []
    assert UNTRUE in never_judged(judge.verdicts.judged)


def test_an_invariant_that_a_recorder_cannot_observe_is_neither_judged_nor_missed() -> None:
    judge = judged(Failures(("error",)), blind={CRASHED: "no log is read"})
    assert judge.violations == []
    assert CRASHED not in never_judged(judge.verdicts.judged, {CRASHED: "no log is read"})
    rows = dict(invariant_rows(judge.verdicts.judged, judge.verdicts.judged, {CRASHED: "-"}))
    assert rows[f"  {CRASHED}"] == "no verdict"
    assert rows[f"  {PHASE_CHANGED}"] == "0 of 0"


def test_each_layer_says_why_it_does_not_judge_an_invariant() -> None:
    for blind in (processes.BLIND, pods.BLIND):
        assert set(blind) < set(INVARIANTS)
        assert all(blind.values())


def test_a_failure_of_the_operators_code_is_a_violation() -> None:
    assert broken(Failures(("AssertionError",))) == [CRASHED]


def test_a_cancelled_run_that_never_ends_is_a_lost_cancel_and_another_one_is_not_settled() -> None:
    settled = Settled((("u", "r is still Running"),))
    assert broken(written("Running"), settled) == [NOT_SETTLED]
    assert broken(written("Running", cancel="interrupt"), settled) == [LOST_CANCEL]


def test_an_excuse_holds_for_the_invariants_that_it_may_break_only() -> None:
    settled = Settled((("u", "r still has the finalizer"),))
    run = written("Running")
    assert broken(run, Befell("u", PUT_ON), settled) == []
    assert broken(run, Befell("u", TAKEN_OFF), settled) == [NOT_SETTLED]


def test_a_clean_up_of_a_kept_run_counts_as_lost_checkpoints() -> None:
    wrote = (written("Running"), Wrote("u", "t", "c1"))
    assert broken(*wrote, Cleaned("u")) == [MISSING]
    assert broken(*wrote, written("Running", cancel="rollback"), Cleaned("u")) == []
