"""What waves may take, and whether they took no more."""

from collections.abc import Iterator
from typing import NamedTuple

from bench.waves.results import Pair, Results, Sort

RATIO = 1.25  # of seconds, over the raw Jobs'
GROWTH = 1.3  # of the operator's CPU for each run, from the smallest size to the largest
CANCELLED, CANCEL_SECONDS = 1000, 60.0
PEAK_BYTES = 200 << 20
RESTART_SECONDS = 5.0
GAP_SECONDS = 4.0


class Goal(NamedTuple):
    """``value`` may be at most ``goal``."""

    label: str
    value: float
    unit: str
    goal: float

    @property
    def verdict(self) -> str:
        excess = self.value - self.goal
        return "met" if excess <= 0 else f"missed by {excess:.2f} {self.unit}".rstrip()


def all_waves(results: Results) -> Iterator[tuple[str, Sort, Pair]]:
    """With how many there were, and where."""
    for size, pairs in results.waves.items():
        for sort, pair in pairs.items():
            yield f"{size:,}", sort, pair
    for sort, pair in results.spread.items():
        yield f"{pair.ours.count:,} in {results.namespaces} namespaces", sort, pair


def cpu_each(pair: Pair) -> float:
    """Milliseconds of the leader's CPU for each run."""
    return pair.ours.cost.leader_cpu / pair.ours.count * 1000


def goals(results: Results) -> Iterator[Goal]:
    """Those that concern more than one wave, or one only."""
    fewest, most = min(results.waves), max(results.waves)
    if fewest != most:
        for sort in Sort:
            growth = cpu_each(results.waves[most][sort]) / cpu_each(results.waves[fewest][sort])
            label = f"operator's CPU for each run, {sort}: {most:,} runs / {fewest:,}"
            yield Goal(label, growth, "", GROWTH)
    if CANCELLED in results.waves:
        seconds = results.waves[CANCELLED][Sort.CANCELLED].ours.seconds
        yield Goal(f"{CANCELLED:,} live runs cancelled", seconds, "s", CANCEL_SECONDS)
    costs = [pair.ours.cost for _, _, pair in all_waves(results)]
    costs += [pair.ours.cost for pair in results.queues.values()]
    peak = max(cost.peak for cost in costs) / 2**20
    yield Goal(f"most memory of the operator, with {most:,} runs", peak, "MiB", PEAK_BYTES / 2**20)
    gaps = [cost.gap for cost in costs]
    if results.restart is not None:
        label = f"a restart among {results.restart.live:,} live runs, to the first pod stopped"
        yield Goal(label, results.restart.acted, "s", RESTART_SECONDS)
        gaps.append(results.restart.gap)
    yield Goal("longest time without a renewal of the Lease", max(gaps), "s", GAP_SECONDS)
