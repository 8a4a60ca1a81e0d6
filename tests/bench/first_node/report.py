"""The report's section on the first node."""

from collections.abc import Sequence

from bench.audited import Request
from bench.figures import Comparison, Spread
from bench.life import Kind, Life, Moment
from bench.steps import (
    JOB_CREATED,
    POD_BOUND,
    POD_MADE,
    RUN_CLAIMED,
    Span,
    Step,
    breakdown,
    steps_table,
)
from bench.table import table

OURS = Span(
    "kubectl apply to the agent's first node",
    Kind.APPLIED,
    Moment.CREATE_SENT,
    Moment.FIRST_NODE,
    (
        Step("kubectl creates the run", "", "create", "agentruns", "{}"),
        RUN_CLAIMED,
        JOB_CREATED,
        POD_MADE,
        POD_BOUND,
    ),
    end="pod started, LangGraph and graph imported, checkpoint of the input stored",
)
RAW = Span(
    "raw Job: kubectl apply to LangGraph imported",
    Kind.RAW_APPLIED,
    Moment.CREATE_SENT,
    Moment.FIRST_NODE,
    (Step("kubectl creates the Job", "", "create", "jobs", "{}"), POD_MADE, POD_BOUND),
    end="pod started, LangGraph imported",
)


def report(ours: Sequence[Life], raw: Sequence[Life], requests: Sequence[Request]) -> str:
    c = Comparison(
        "`kubectl apply` to the agent's first node / to LangGraph imported",
        Spread.of([life.seconds(OURS.since, OURS.until) for life in ours]),
        Spread.of([life.seconds(RAW.since, RAW.until) for life in raw]),
        goal=None,
    )
    more = f"{c.ours.median - c.raw.median:.3f} s"
    row = [c.label, str(c.ours), str(c.raw), f"{c.ratio:.2f}", more]
    steps = [
        (OURS.label, breakdown(OURS, ours, requests)),
        (RAW.label, breakdown(RAW, raw, requests)),
    ]
    return "\n\n".join(
        [
            "### From kubectl apply to the first node",
            table(["", "ours", "raw Job", "ratio", "more"], [row]),
            steps_table(steps),
        ]
    )
