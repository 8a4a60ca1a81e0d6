"""Threads with older checkpoints, made by real runs."""

from bench.agent import quick_steps
from bench.api import Api, MeasurementError
from bench.life import watch_run
from bench.seen import phase_is
from cluster.shell import say

OLDER = (10, 1_000, 10_000)
# Of a run on a new thread, besides one for each step: the input, and the start.
WITHOUT_STEPS = 2


def make_threads(api: Api) -> None:
    """Have a run make each thread's checkpoints, and remove its record: they stay."""
    for older in OLDER:
        say(f"making a thread with {older} checkpoints")
        name = thread(older)
        with watch_run(api, name) as changes:
            api.create("agentruns", quick_steps(name, name, older - WITHOUT_STEPS))
            run, _ = changes.until(f"success of {name}", phase_is("Succeeded"))
        if (made := run["status"]["checkpoint"]["count"]) != older:
            raise MeasurementError(f"run {name} has made {made} checkpoints instead of {older}")
        api.remove("agentruns", name)


def thread(older: int) -> str:
    """The thread with so many older checkpoints."""
    return f"older-{older}"
