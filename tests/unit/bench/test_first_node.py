from bench.audited import requests
from bench.first_node.report import report
from bench.life import Kind, Life, Moment

from .audit import audit_event


def life(kind: Kind, began: float, first_node: float) -> Life:
    times = {Moment.CREATE_SENT: began, Moment.FIRST_NODE: began + first_node}
    return Life(kind, "x", times)


def test_what_comes_after_the_first_node_does_not_count() -> None:
    ours = [life(Kind.APPLIED, at, 3.0) for at in (0.0, 100.0)]
    raw = [life(Kind.RAW_APPLIED, at, 2.0) for at in (50.0, 150.0)]
    events = [
        audit_event(at, "create", what, name="x", user="somebody")
        for at, what in ((0.5, "agentruns"), (50.5, "jobs"), (100.5, "agentruns"), (150.5, "jobs"))
    ]
    text = report(ours, raw, requests(events))
    assert "| 3.000 s (3.000 to 3.000) | 2.000 s (2.000 to 2.000) | 1.50 | 1.000 s |" in text
    assert "| kubectl apply to the agent's first node | kubectl creates the run | 500 |" in text
    assert "|  | pod started, LangGraph imported | 1500 |" in text
