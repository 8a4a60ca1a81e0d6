"""What a run costs beside a raw Job with the same pod: time, and API writes."""

from collections import defaultdict

from bench.ground import Ground
from bench.life import Kind, Life
from bench.runs.lives import live_round
from bench.runs.report import report


def measure(ground: Ground) -> str:
    lives: dict[Kind, list[Life]] = defaultdict(list)
    for number, stage in ground.stages("a run beside a raw Job"):
        for life in live_round(stage, number):
            lives[life.kind].append(life)
    return report(lives, ground.requests([life for kind in lives.values() for life in kind]))
