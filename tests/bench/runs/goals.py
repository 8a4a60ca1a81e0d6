"""What is compared with what, and how far it may be apart."""

from collections.abc import Mapping, Sequence

from bench.figures import Comparison, Count, Spread
from bench.life import Kind, Life, Moment
from bench.runs.writes import Sort, Writes

RUNS = (Kind.SUCCEEDED, Kind.INTERRUPTED, Kind.ROLLED_BACK)
MOST_WRITES = {Kind.SUCCEEDED: 5, Kind.INTERRUPTED: 8, Kind.ROLLED_BACK: 8}

Lives = Mapping[Kind, Sequence[Life]]
Counted = Mapping[Kind, Sequence[Writes]]


def comparisons(lives: Lives) -> list[Comparison]:
    """What has a goal relative to raw Jobs."""

    def seconds(kind: Kind, since: Moment, until: Moment) -> list[float]:
        return [life.seconds(since, until) for life in lives[kind]]

    interrupts = seconds(Kind.INTERRUPTED, Moment.STOP_SENT, Moment.ENDED)
    rollbacks = seconds(Kind.ROLLED_BACK, Moment.STOP_SENT, Moment.ENDED)
    more = [b - a for a, b in zip(interrupts, rollbacks, strict=True)]
    return [
        Comparison(
            "create to `Running` / to container running",
            Spread.of(seconds(Kind.INTERRUPTED, Moment.CREATE_SENT, Moment.RUNNING)),
            Spread.of(seconds(Kind.RAW, Moment.CREATE_SENT, Moment.RUNNING)),
            1.15,
        ),
        Comparison(
            "cancel to `Interrupted` / delete of the Job",
            Spread.of(interrupts),
            Spread.of(seconds(Kind.RAW, Moment.STOP_SENT, Moment.ENDED)),
            1.2,
        ),
        Comparison(
            f"rollback, {Spread.of(rollbacks)}, less interrupt / idle Job: create to Complete",
            Spread.of(more),
            Spread.of(seconds(Kind.RAW_CLEANUP, Moment.CREATE_SENT, Moment.ENDED)),
            1.0,
        ),
        Comparison(
            "the same / idle Job: create to its pod's end",
            Spread.of(more),
            Spread.of(seconds(Kind.RAW_CLEANUP, Moment.CREATE_SENT, Moment.POD_ENDED)),
            None,
        ),
    ]


def counts(counted: Counted) -> list[Count]:
    """API writes of each kind of run, Events and refused requests apart."""
    return [
        Count(f"API writes, {kind}", [life[Sort.WRITE].total() for life in counted[kind]], most)
        for kind, most in MOST_WRITES.items()
    ]
