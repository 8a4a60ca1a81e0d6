"""The report's section on cold starts."""

from collections.abc import Callable
from statistics import median

from bench.cold_start.process import Process
from bench.cold_start.starts import LATER_SECONDS, ColdStart, ColdStarts
from bench.figures import Comparison, Spread
from bench.table import at_most, table

GOAL = 1.2  # with finished runs, over without


def report(finished: int, without: ColdStarts, among: ColdStarts) -> str:
    heads = ["", "no finished runs", f"{finished:,} finished runs", "ratio", "goal", ""]
    rows = [
        _seconds_row(
            "process started to everything read",
            lambda start: start.read_at - start.process.started_at,
            without,
            among,
            GOAL,
        ),
        _seconds_row(
            "Deployment scaled up to pod ready",
            lambda start: start.ready_at - start.scaled_at,
            without,
            among,
            None,
        ),
        _bytes_row(
            "received when ready", lambda s: _median_of(s, lambda p: p.received), without, among
        ),
        _bytes_row("memory when ready", lambda s: _median_of(s, lambda p: p.rss), without, among),
        _bytes_row(f"received after {LATER_SECONDS} s", lambda s: s.later.received, without, among),
        _bytes_row(f"memory after {LATER_SECONDS} s", lambda s: s.later.rss, without, among),
        _bytes_row("most memory until then", lambda s: s.later.peak, without, among),
    ]
    return "\n\n".join(
        [
            "### Cold start of the operator",
            f"One replica, started {len(among.starts)} times. Half of the finished runs have"
            " succeeded, half were interrupted; their Jobs and pods are copies of real ones.",
            table(heads, rows),
        ]
    )


def _seconds_row(
    label: str,
    seconds: Callable[[ColdStart], float],
    without: ColdStarts,
    among: ColdStarts,
    goal: float | None,
) -> list[str]:
    more, few = (Spread.of([seconds(start) for start in s.starts]) for s in (among, without))
    c = Comparison(label, ours=more, raw=few, goal=goal)
    return [label, str(few), str(more), f"{c.ratio:.2f}", at_most(goal), c.verdict]


def _bytes_row(
    label: str, size: Callable[[ColdStarts], float], without: ColdStarts, among: ColdStarts
) -> list[str]:
    few, more = size(without), size(among)
    return [label, _shown(few), _shown(more), f"{more / few:.2f}", "", ""]


def _median_of(starts: ColdStarts, value: Callable[[Process], int]) -> float:
    return median(value(start.process) for start in starts.starts)


def _shown(size: float) -> str:
    return f"{size / 2**10:.0f} KiB" if size < 2**20 else f"{size / 2**20:.1f} MiB"
