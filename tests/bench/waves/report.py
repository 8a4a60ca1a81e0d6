"""The report's section on waves."""

from collections.abc import Iterator

from bench.table import at_most, table
from bench.waves.goals import RATIO, all_waves, cpu_each, goals
from bench.waves.results import Pair, Results

QUEUED = "queued on one thread / created in turn, until all have succeeded"


def report(results: Results) -> str:
    return "\n\n".join(
        [
            "### Waves of runs beside raw Jobs",
            f"{results.nodes} simulated nodes; the Job controller creates some 8 pods a second.",
            _seconds(results),
            "What they cost: CPU in ms for each run, of the operator's leader and standby, and of"
            " the API server (beside it, for each raw Job); the leader's requests for each run;"
            " its memory at most; the longest time without a renewal of its Lease.",
            _costs(results),
            "The leader's requests for each run:",
            _requests(results),
            _goals(results),
        ]
    )


def _rows(results: Results) -> Iterator[tuple[str, str, Pair]]:
    for count, sort, pair in all_waves(results):
        yield count, sort, pair
    for length, pair in results.queues.items():
        yield f"{length:,}", QUEUED, pair


def _seconds(results: Results) -> str:
    rows = []
    for count, what, pair in _rows(results):
        goal = None if what == QUEUED else RATIO
        verdict = "" if goal is None else "met" if pair.ratio <= goal else "missed"
        seconds = (f"{figure.seconds:.1f} s" for figure in (pair.ours, pair.raw))
        rows.append([count, what, *seconds, f"{pair.ratio:.2f}", at_most(goal), verdict])
    return table(["", "", "ours", "raw Jobs", "ratio", "goal", ""], rows)


def _costs(results: Results) -> str:
    rows = []
    for count, what, pair in _rows(results):
        ours, raw, each = pair.ours.cost, pair.raw.cost, 1000 / pair.ours.count
        cells = [
            f"{cpu_each(pair):.0f}",
            f"{ours.standby_cpu * each:.0f}",
            f"{ours.apiserver_cpu * each:.0f} ({raw.apiserver_cpu * each:.0f})",
            f"{ours.reads() / pair.ours.count:.2f}",
            f"{ours.writes() / pair.ours.count:.2f}",
            f"{ours.peak / 2**20:.0f} MiB",
            f"{ours.gap:.1f} s",
        ]
        rows.append([count, what, *cells])
    heads = ["leader", "standby", "API server", "reads", "writes", "memory", "Lease"]
    return table(["", "", *heads], rows)


def _requests(results: Results) -> str:
    """By verb and resource, of the largest waves."""
    pairs = list(results.waves[max(results.waves)].values())
    kinds = sorted({kind for pair in pairs for kind in pair.ours.cost.requests})
    rows = [
        [kind, *(f"{pair.ours.cost.requests[kind] / pair.ours.count:.2f}" for pair in pairs)]
        for kind in kinds
    ]
    return table(["", "created", "cancelled", "rolled back"], rows)


def _goals(results: Results) -> str:
    rows = [
        [goal.label, f"{goal.value:.2f} {goal.unit}", at_most(goal.goal), goal.verdict]
        for goal in goals(results)
    ]
    return table(["", "", "goal", ""], rows)
