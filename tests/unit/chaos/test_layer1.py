"""The short form of ``make chaos``, layer 1, and that it would find what it looks for."""

from collections.abc import Iterator

import pytest

from agentrun_operator.facts import PodFacts
from agentrun_operator.policy import status, threads
from agentrun_operator.policy.view import View
from chaos.layer1.campaign import campaign
from chaos.layer1.clock import VirtualLoop
from chaos.layer1.schedule import make_schedule, run_schedule
from chaos.layer1.truth import ALIVE_AFTER_END, LEFTOVER, NOT_SETTLED, TWO_ON_THREAD, UNTRUE

SCHEDULES = 700  # some 15 s of CPU time; `make chaos` is the long form
ENOUGH = 1500  # schedules in which a planted fault is found, with room to spare


@pytest.fixture
def loop() -> Iterator[VirtualLoop]:
    loop = VirtualLoop()
    yield loop
    loop.close()


def first_broken(loop: VirtualLoop, invariant: str) -> bool:
    """Whether some schedule breaks that invariant."""
    schedules = (make_schedule(f"planted/{number}") for number in range(ENOUGH))
    return any(run_schedule(schedule, loop).broken == invariant for schedule in schedules)


def test_no_schedule_breaks_an_invariant() -> None:
    report = campaign(SCHEDULES, "short", most_findings=1)
    assert not report.findings, report.table()
    assert report.schedules == SCHEDULES


def test_a_schedule_runs_the_same_each_time(loop: VirtualLoop) -> None:
    schedule = make_schedule("same")
    first, second = (run_schedule(schedule, loop, trace=True) for _ in range(2))
    assert first == second


def test_a_run_that_ends_while_its_pod_lives_is_found(
    loop: VirtualLoop, monkeypatch: pytest.MonkeyPatch
) -> None:
    ended = ("Succeeded", "Failed")
    alive = property(lambda pod: pod.phase not in ended and not pod.signalled)
    monkeypatch.setattr(PodFacts, "alive", alive)
    assert first_broken(loop, ALIVE_AFTER_END)


def test_a_rollback_without_clean_up_is_found(
    loop: VirtualLoop, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(View, "may_have_checkpoints", property(lambda _: False))
    assert first_broken(loop, LEFTOVER)


def test_two_runs_on_a_thread_are_found(loop: VirtualLoop, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(threads, "blocked_by", lambda *_: [])
    assert first_broken(loop, TWO_ON_THREAD)


def test_a_run_that_never_starts_is_found(
    loop: VirtualLoop, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(threads, "blocked_by", lambda _, rivals: list(rivals))
    assert first_broken(loop, NOT_SETTLED)


def test_a_time_out_that_was_none_is_found(
    loop: VirtualLoop, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(PodFacts, "timed_out", property(lambda pod: bool(pod.reason)))
    assert first_broken(loop, UNTRUE)


def test_a_start_that_was_none_is_found(loop: VirtualLoop, monkeypatch: pytest.MonkeyPatch) -> None:
    counted = status._starts

    def one_more(view: View) -> dict[str, object]:
        starts = counted(view)
        return starts | {"attempts": 7} if starts else {}

    monkeypatch.setattr(status, "_starts", one_more)
    assert first_broken(loop, UNTRUE)
