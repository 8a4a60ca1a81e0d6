import pytest

from bench.figures import Comparison, Count, Spread
from bench.life import Kind, Life, Moment
from bench.runs.goals import comparisons


def flat(seconds: float) -> Spread:
    return Spread(seconds, seconds, seconds)


def test_a_spread_shows_median_and_quartiles_whatever_the_order() -> None:
    assert Spread.of([5, 1, 4, 2, 3]) == Spread(median=3, low=2, high=4)


def test_a_missed_goal_says_by_how_much() -> None:
    comparison = Comparison("start", ours=flat(1.3), raw=flat(1.0), goal=1.2)
    assert comparison.ratio == pytest.approx(1.3)
    assert comparison.verdict == "missed by 100 ms"


def test_a_goal_that_is_just_reached_is_met() -> None:
    assert Comparison("start", ours=flat(1.5), raw=flat(1.0), goal=1.5).verdict == "met"


def test_without_a_goal_there_is_no_verdict() -> None:
    assert Comparison("start", ours=flat(9), raw=flat(1), goal=None).verdict == ""


def test_one_life_with_too_many_writes_misses_the_goal() -> None:
    count = Count("writes", [8, 8, 10, 7], goal=8)
    assert count.verdict == "missed by 2"
    assert str(count) == "7 to 10"


def test_the_same_number_in_all_lives_is_shown_once() -> None:
    assert str(Count("writes", [5, 5], goal=5)) == "5"


def test_a_rollback_is_compared_with_the_interrupt_of_its_own_round() -> None:
    def lives(kind: Kind, *stops: float) -> list[Life]:
        times = {Moment.CREATE_SENT: 0.0, Moment.RUNNING: 1.0, Moment.STOP_SENT: 2.0}
        return [
            Life(kind, "x", times | {Moment.POD_ENDED: 2.5, Moment.ENDED: 2.0 + stop})
            for stop in stops
        ]

    measured = {
        Kind.INTERRUPTED: lives(Kind.INTERRUPTED, 1.0, 5.0, 1.0),
        Kind.RAW: lives(Kind.RAW, 1.0, 1.0, 1.0),
        Kind.ROLLED_BACK: lives(Kind.ROLLED_BACK, 3.0, 7.0, 9.0),
        Kind.RAW_CLEANUP: lives(Kind.RAW_CLEANUP, 1.0, 1.0, 1.0),
    }
    rollback = comparisons(measured)[2]
    assert rollback.ours.median == pytest.approx(2.0)
    assert rollback.raw.median == pytest.approx(3.0)
