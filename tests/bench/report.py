"""The report: plain Markdown."""

from collections.abc import Iterable, Mapping, Sequence

from bench.audited import Request
from bench.figures import least_to_most
from bench.goals import RUNS, Counted, Lives, comparisons, counts
from bench.lives import Moment
from bench.spans import SPANS
from bench.steps import breakdown
from bench.writes import Sort, writes


def report(facts: Mapping[str, str], lives: Lives, requests: Sequence[Request]) -> str:
    """All figures of a run of the benchmark. `requests` are those of all lives."""
    counted = {
        kind: [
            writes(requests, life.times[Moment.CREATE_SENT], life.times[Moment.NOTHING_LEFT])
            for life in lives[kind]
        ]
        for kind in RUNS
    }
    parts = [
        [f"- {name}: {value}" for name, value in facts.items()],
        _figures(lives, counted),
        ["API writes of the operator in one life:"],
        _writes(counted),
        [
            "Where the time goes: medians in ms from each request's arrival at the API server"
            " to the next one's. Medians do not add up exactly."
        ],
        _steps(lives, requests),
    ]
    return "\n\n".join("\n".join(lines) for lines in parts) + "\n"


def _figures(lives: Lives, counted: Counted) -> list[str]:
    rows = [
        [c.label, str(c.ours), str(c.raw), f"{c.ratio:.2f}", _at_most(c.goal), c.verdict]
        for c in comparisons(lives)
    ]
    rows += [[c.label, str(c), "", "", _at_most(c.goal), c.verdict] for c in counts(counted)]
    return _table(["", "ours", "raw Job", "ratio", "goal", ""], rows)


def _at_most(goal: float | None) -> str:
    return "" if goal is None else f"at most {goal}"


def _writes(counted: Counted) -> list[str]:
    """A row for each kind of write; how often, in the lives of each kind."""
    rows = []
    for sort in Sort:
        for what in sorted({key for kind in RUNS for life in counted[kind] for key in life[sort]}):
            cells = (least_to_most([life[sort][what] for life in counted[kind]]) for kind in RUNS)
            rows.append([sort, what, *cells])
    return _table(["", "", *RUNS], rows)


def _steps(lives: Lives, requests: Sequence[Request]) -> list[str]:
    rows = [
        [path.label if number == 0 else "", label, f"{seconds * 1000:.0f}"]
        for path in SPANS
        for number, (label, seconds) in enumerate(breakdown(path, lives[path.kind], requests))
    ]
    return _table(["", "step", "ms"], rows)


def _table(heads: Iterable[str], rows: Iterable[Iterable[str]]) -> list[str]:
    heads = list(heads)
    lines = [heads, ["---"] * len(heads), *rows]
    return ["| " + " | ".join(cells) + " |" for cells in lines]
