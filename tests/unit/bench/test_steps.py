import pytest

from bench.audited import requests
from bench.life import Kind, Life, Moment
from bench.steps import Span, Step, breakdown

from .audit import audit_event

SPAN = Span(
    "start",
    Kind.RAW,
    Moment.CREATE_SENT,
    Moment.RUNNING,
    (
        Step("pod", "boss", "create", "pods"),
        Step("report", "node", "patch", "pods/status", "{}-"),
    ),
)


def life(name: str, since: float, until: float) -> Life:
    return Life(Kind.RAW, name, {Moment.CREATE_SENT: since, Moment.RUNNING: until})


def test_each_step_gets_the_time_since_the_one_before_it() -> None:
    seen = requests(
        [
            audit_event(10.1, "create", "pods", user="boss", name=""),
            audit_event(10.7, "patch", "pods/status", user="node-1", name="a-x"),
        ]
    )
    steps = breakdown(SPAN, [life("a", 10, 11)], seen)
    assert [label for label, _ in steps] == ["pod", "report", "the watcher sees it"]
    assert [seconds for _, seconds in steps] == pytest.approx([0.1, 0.6, 0.3])


def test_of_several_reports_the_last_before_the_end_counts() -> None:
    seen = requests(
        [
            audit_event(10.1, "create", "pods", user="boss"),
            audit_event(10.2, "patch", "pods/status", user="node", name="a-x"),
            audit_event(10.8, "patch", "pods/status", user="node", name="a-x"),
            audit_event(11.5, "patch", "pods/status", user="node", name="a-x"),
        ]
    )
    steps = dict(breakdown(SPAN, [life("a", 10, 11)], seen))
    assert steps["report"] == pytest.approx(0.7)


def test_other_pods_and_refused_requests_are_no_step() -> None:
    seen = requests(
        [
            audit_event(10.1, "create", "pods", user="boss"),
            audit_event(10.3, "create", "pods", user="boss", code=403),
            audit_event(10.5, "patch", "pods/status", user="node", name="a-x"),
            audit_event(10.9, "patch", "pods/status", user="node", name="ab-x"),
        ]
    )
    steps = dict(breakdown(SPAN, [life("a", 10, 11)], seen))
    assert steps == pytest.approx({"pod": 0.1, "report": 0.4, "the watcher sees it": 0.5})


def test_a_step_that_one_life_lacks_is_not_averaged_over_the_others() -> None:
    seen = requests(
        [
            audit_event(10.1, "create", "pods", user="boss"),
            audit_event(10.5, "patch", "pods/status", user="node", name="a-x"),
            audit_event(20.5, "patch", "pods/status", user="node", name="b-x"),
        ]
    )
    steps = dict(breakdown(SPAN, [life("a", 10, 11), life("b", 20, 21)], seen))
    assert steps == pytest.approx({"report": 0.5, "the watcher sees it": 0.5})
