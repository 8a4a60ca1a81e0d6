"""The report's section on checkpointers."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from statistics import median

from bench.figures import Spread
from bench.table import table

OURS, THEIRS = "StoreSaver", "SqliteSaver"


@dataclass(frozen=True)
class Measured:
    """How long each of some calls took, on a thread with so many older checkpoints."""

    state: int  # bytes of the state in each checkpoint
    older: int
    what: str  # put, get, get again, drop
    side: str
    seconds: Sequence[float]

    def __str__(self) -> str:
        of = f"{self.state} bytes, {self.older} older"
        return f"{of}: {self.what} of {self.side} {median(self.seconds) * 1000:.2f} ms"


Found = Mapping[tuple[int, int, str, str], Measured]


def report(facts: Mapping[str, str], rows: Sequence[Measured]) -> str:
    found = {(row.state, row.older, row.what, row.side): row for row in rows}
    places = list(dict.fromkeys((row.state, row.older) for row in rows))
    puts = [list(_put(found, *place)) for place in places]
    gets = [list(_get(found, *place)) for place in places]
    place_heads = ["state", "older checkpoints"]
    return "\n\n".join(
        [
            "### Checkpoints, beside LangGraph's SqliteSaver",
            "\n".join(f"- {name}: {value}" for name, value in facts.items()),
            "`put`, on disk when it returns: median and quartiles, and how many a second.",
            table(
                [*place_heads, OURS, "a second", THEIRS, "a second", f"{OURS} is"],
                puts,
            ),
            "The newest state, as a run gets it first: the checkpointer opened, then `get_tuple`;"
            " and once more. The older checkpoints are all of one run. The last column is what a"
            " clean-up does in its pod: `drop_run`, of the run that made the `put`s.",
            table(
                [*place_heads, OURS, THEIRS, f"again: {OURS}", f"again: {THEIRS}", "drop_run"],
                gets,
            ),
        ]
    )


def _put(found: Found, state: int, older: int) -> Iterator[str]:
    ours, theirs = (found[state, older, "put", side] for side in (OURS, THEIRS))
    yield from _place(state, older)
    for measured in (ours, theirs):
        yield _milliseconds(measured)
        yield f"{_rate(measured):.0f}"
    yield f"{_rate(ours) / _rate(theirs):.2f} times as fast"


def _get(found: Found, state: int, older: int) -> Iterator[str]:
    yield from _place(state, older)
    for what in ("get", "get again"):
        for side in (OURS, THEIRS):
            yield _milliseconds(found[state, older, what, side])
    yield f"{median(found[state, older, 'drop', OURS].seconds) * 1000:.1f} ms"


def _place(state: int, older: int) -> tuple[str, str]:
    return f"{state // 1000} KB", f"{older:,}"


def _rate(measured: Measured) -> float:
    """Calls a second, slow ones included."""
    return len(measured.seconds) / sum(measured.seconds)


def _milliseconds(measured: Measured) -> str:
    spread = Spread.of([seconds * 1000 for seconds in measured.seconds])
    return f"{spread.median:.2f} ms ({spread.low:.2f} to {spread.high:.2f})"
