"""The report's section on rollbacks."""

from collections.abc import Iterator, Mapping, Sequence

from bench.api import MeasurementError
from bench.audited import Request
from bench.figures import Comparison, Spread
from bench.life import Kind, Life, Moment
from bench.rollback.threads import OLDER
from bench.steps import CLEANUP_CREATED, CLEANUP_ENDED, Span, arrivals
from bench.table import at_most, table

GOAL = 1.2  # the longest thread's median over the shortest one's
CLEANUP = Span(
    "clean-up",
    Kind.ROLLED_BACK,
    Moment.STOP_SENT,
    Moment.ENDED,
    (CLEANUP_CREATED, CLEANUP_ENDED),
)


def report(lives: Mapping[int, Sequence[Life]], requests: Sequence[Request]) -> str:
    """`lives` by the number of older checkpoints."""
    whole = {
        older: Spread.of([life.seconds(Moment.STOP_SENT, Moment.ENDED) for life in lives[older]])
        for older in OLDER
    }
    cleanup = {
        older: Spread.of([_cleanup_seconds(life, requests) for life in lives[older]])
        for older in OLDER
    }
    heads = ["", *(f"{older:,} older checkpoints" for older in OLDER), "last / first", "goal", ""]
    rows = [
        _row("rollback: patch to record gone", whole),
        _row("of that, the clean-up: its Job's creation to its pod's end", cleanup),
    ]
    return f"### Rollback on a long thread\n\n{table(heads, map(list, rows))}"


def _cleanup_seconds(life: Life, requests: Sequence[Request]) -> float:
    arrived = arrivals(CLEANUP, life, requests)
    if len(arrived) != len(CLEANUP.steps):
        raise MeasurementError(f"the audit log does not tell of the clean-up of {life.name}")
    return arrived[CLEANUP_ENDED] - arrived[CLEANUP_CREATED]


def _row(label: str, spreads: Mapping[int, Spread]) -> Iterator[str]:
    flat = Comparison(label, ours=spreads[OLDER[-1]], raw=spreads[OLDER[0]], goal=GOAL)
    yield label
    yield from (str(spreads[older]) for older in OLDER)
    yield from (f"{flat.ratio:.2f}", at_most(GOAL), flat.verdict)
