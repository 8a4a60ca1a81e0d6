"""What is measured: lives of runs and raw Jobs, one after the other, until nothing is left.

Both sides are watched in the same way: a watch is open before the request is sent, the clock starts
when it is sent and stops when the event arrives. The requests are those that kubectl would send.
"""

from collections.abc import Callable

from bench.agent import long_run, short_run, wait_until_at_work
from bench.life import Kind, Life, Moment, Stage, roll_back, start_run, watch_left, watch_run
from bench.raw import raw_cleanup, raw_job
from bench.seen import agent_runs, complete, deleted, let_go, phase_is


def succeeded(stage: Stage, name: str) -> Life:
    """A run whose agent has next to nothing to do."""
    with watch_run(stage.api, name) as run:
        times = start_run(stage, run, short_run(name))
        _, times[Moment.ENDED] = run.until(f"success of {name}", phase_is("Succeeded"))
    times[Moment.NOTHING_LEFT] = stage.api.remove("agentruns", name)
    return Life(Kind.SUCCEEDED, name, times)


def interrupted(stage: Stage, name: str) -> Life:
    """A run that is interrupted at work."""
    api = stage.api
    with watch_run(api, name) as run, watch_left(api, name) as left:
        times = start_run(stage, run, long_run(name))
        times[Moment.STOP_SENT] = stage.start_clock()
        api.patch("agentruns", name, {"spec": {"cancel": "interrupt"}})
        _, times[Moment.ENDED] = run.until(f"interrupt of {name}", phase_is("Interrupted"))
        for watch in left:  # what it costs after its end is counted too
            watch.until(f"the label of what {name} has left", let_go)
    times[Moment.NOTHING_LEFT] = stage.api.remove("agentruns", name)
    return Life(Kind.INTERRUPTED, name, times)


def rolled_back(stage: Stage, name: str) -> Life:
    """A run that is rolled back at work."""
    with watch_run(stage.api, name) as run:
        times = start_run(stage, run, long_run(name))
    return Life(Kind.ROLLED_BACK, name, times | roll_back(stage, name))


def raw(stage: Stage, name: str) -> Life:
    """A Job with the pod of a run, deleted at work as by `kubectl delete --cascade=foreground`."""
    api, job = stage.api, raw_job(stage.templates, name)
    with api.watch("pods", labelSelector=f"job-name={name}") as pods:
        times = {Moment.CREATE_SENT: stage.start_clock()}
        api.create("jobs", job)
        pod, times[Moment.RUNNING] = pods.until(f"start of {name}", agent_runs)
    wait_until_at_work(api, pod["metadata"]["name"])
    with api.watch("jobs", fieldSelector=f"metadata.name={name}") as jobs:
        times[Moment.STOP_SENT] = stage.start_clock()
        api.delete("jobs", name)
        _, times[Moment.ENDED] = jobs.until(f"deletion of {name}", deleted)
    times[Moment.NOTHING_LEFT] = times[Moment.ENDED]
    return Life(Kind.RAW, name, times)


def raw_cleanup_job(stage: Stage, name: str) -> Life:
    """A Job with the pod of a clean-up, that finds nothing to do."""
    api, job = stage.api, raw_cleanup(stage.templates, name)
    with (
        api.watch("pods", labelSelector=f"job-name={name}") as pods,
        api.watch("jobs", fieldSelector=f"metadata.name={name}") as jobs,
    ):
        times = {Moment.CREATE_SENT: stage.start_clock()}
        api.create("jobs", job)
        _, times[Moment.POD_ENDED] = pods.until(f"end of {name}'s pod", phase_is("Succeeded"))
        _, times[Moment.ENDED] = jobs.until(f"end of {name}", complete)
    times[Moment.NOTHING_LEFT] = api.remove("jobs", name)
    return Life(Kind.RAW_CLEANUP, name, times)


# One round. What is compared with each other stands next to each other.
ROUND: dict[Kind, Callable[[Stage, str], Life]] = {
    Kind.INTERRUPTED: interrupted,
    Kind.RAW: raw,
    Kind.ROLLED_BACK: rolled_back,
    Kind.RAW_CLEANUP: raw_cleanup_job,
    Kind.SUCCEEDED: succeeded,
}


def live_round(stage: Stage, number: int) -> list[Life]:
    """One life of each kind; every other round goes backwards.

    So none of two that are compared always comes upon what the other has left for the node to do.
    """
    kinds = list(ROUND) if number % 2 else list(reversed(ROUND))
    return [ROUND[kind](stage, f"{kind}-{number}") for kind in kinds]
