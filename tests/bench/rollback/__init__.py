"""Rollback on threads with few and with many older checkpoints. It should take no longer."""

from bench.agent import slow_steps, wait_until_at_work
from bench.ground import Ground
from bench.life import Kind, Life, Stage, roll_back, watch_run
from bench.rollback.report import report
from bench.rollback.threads import OLDER, make_threads, thread
from bench.seen import phase_is


def measure(ground: Ground) -> str:
    make_threads(ground.api)
    lives: dict[int, list[Life]] = {older: [] for older in OLDER}
    for number, stage in ground.stages("rollback"):
        for older, life in _round(stage, number).items():
            lives[older].append(life)
    return report(lives, ground.requests([life for each in lives.values() for life in each]))


def _round(stage: Stage, number: int) -> dict[int, Life]:
    """Start a run on each thread; when all are at work, roll back one after the other."""
    names = {older: f"rollback-{older}-{number}" for older in OLDER}
    for older, name in names.items():
        stage.api.create("agentruns", slow_steps(name, thread(older)))
    for name in names.values():
        with watch_run(stage.api, name) as changes:
            run, _ = changes.until(f"start of {name}", phase_is("Running"))
        wait_until_at_work(stage.api, run["status"]["podName"])
    # Each is the first, the second and the last equally often, as far as that goes.
    turn = number % len(OLDER)
    return {
        older: Life(Kind.ROLLED_BACK, names[older], roll_back(stage, names[older]))
        for older in OLDER[turn:] + OLDER[:turn]
    }
