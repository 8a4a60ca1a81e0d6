"""Rollback on threads with few and with many older checkpoints. It should take no longer."""

from bench.ground import Ground
from bench.life import Life, roll_back
from bench.rollback.report import report
from bench.rollback.threads import OLDER, make_threads, run_on


def measure(ground: Ground) -> str:
    make_threads(ground.api)
    lives: dict[int, list[Life]] = {older: [] for older in OLDER}
    for number, stage in ground.stages("rollback"):
        # In turns, so that none always comes first.
        for older in OLDER if number % 2 else reversed(OLDER):
            lives[older].append(roll_back(stage, run_on(older, number)))
    return report(lives, ground.requests([life for each in lives.values() for life in each]))
