import pytest

from bench.api import MeasurementError
from bench.audited import requests
from bench.life import Kind, Life, Moment
from bench.rollback.report import report
from bench.rollback.threads import OLDER

from .audit import audit_event


def lives(seconds: dict[int, float]) -> dict[int, list[Life]]:
    """Three rollbacks on each thread, one after the other."""
    found: dict[int, list[Life]] = {}
    at = 0.0
    for older in OLDER:
        found[older] = []
        for _ in range(3):
            times = {Moment.STOP_SENT: at, Moment.ENDED: at + seconds[older]}
            found[older].append(Life(Kind.ROLLED_BACK, "x", times))
            at += 100
    return found


def cleanups(found: dict[int, list[Life]]) -> list[dict[str, object]]:
    """A clean-up in each life, from one second after the patch to one second before the end."""
    events = []
    for life in (life for older in OLDER for life in found[older]):
        began, ended = life.times[Moment.STOP_SENT], life.times[Moment.ENDED]
        name, kubelet = "agentrun-cleanup-1-x", "system:node:a"
        events.append(audit_event(began + 1, "create", "jobs"))
        events.append(audit_event(ended - 1, "patch", "pods/status", name=name, user=kubelet))
    return events


def test_a_rollback_that_grows_with_the_thread_misses_the_goal() -> None:
    found = lives({10: 3.0, 1_000: 3.0, 10_000: 5.0})
    _, whole, cleanup = report(found, requests(cleanups(found))).rpartition("---")[2].splitlines()
    assert whole.endswith("| 1.67 | at most 1.2 | missed by 1400 ms |")
    assert cleanup.endswith("| 3.00 | at most 1.2 | missed by 1800 ms |")


def test_a_flat_rollback_meets_the_goal() -> None:
    found = lives({10: 3.0, 1_000: 3.3, 10_000: 3.3})
    _, whole, _ = report(found, requests(cleanups(found))).rpartition("---")[2].splitlines()
    assert whole.endswith("| 1.10 | at most 1.2 | met |")


def test_a_clean_up_that_was_not_observed_is_an_error() -> None:
    with pytest.raises(MeasurementError, match="clean-up of x"):
        report(lives({10: 3.0, 1_000: 3.0, 10_000: 3.0}), [])
