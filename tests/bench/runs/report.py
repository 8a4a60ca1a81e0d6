"""The report's section on runs."""

from collections.abc import Sequence

from bench.audited import Request
from bench.figures import least_to_most
from bench.life import Moment
from bench.runs.goals import RUNS, Counted, Lives, comparisons, counts
from bench.runs.spans import SPANS
from bench.runs.writes import Sort, writes
from bench.steps import breakdown, steps_table
from bench.table import at_most, table


def report(lives: Lives, requests: Sequence[Request]) -> str:
    """All figures of runs. `requests` are those of all lives."""
    counted = {
        kind: [
            writes(requests, life.times[Moment.CREATE_SENT], life.times[Moment.NOTHING_LEFT])
            for life in lives[kind]
        ]
        for kind in RUNS
    }
    steps = [(span.label, breakdown(span, lives[span.kind], requests)) for span in SPANS]
    return "\n\n".join(
        [
            "### A run beside a raw Job",
            _figures(lives, counted),
            "API writes of the operator in one life:",
            _writes(counted),
            steps_table(steps),
        ]
    )


def _figures(lives: Lives, counted: Counted) -> str:
    rows = [
        [c.label, str(c.ours), str(c.raw), f"{c.ratio:.2f}", at_most(c.goal), c.verdict]
        for c in comparisons(lives)
    ]
    rows += [[c.label, str(c), "", "", at_most(c.goal), c.verdict] for c in counts(counted)]
    return table(["", "ours", "raw Job", "ratio", "goal", ""], rows)


def _writes(counted: Counted) -> str:
    """A row for each kind of write; how often, in the lives of each kind."""
    rows = []
    for sort in Sort:
        for what in sorted({key for kind in RUNS for life in counted[kind] for key in life[sort]}):
            cells = (least_to_most([life[sort][what] for life in counted[kind]]) for kind in RUNS)
            rows.append([sort, what, *cells])
    return table(["", "", *RUNS], rows)
