"""What finished runs leave behind, learned from real ones."""

from dataclasses import dataclass

from bench.agent import long_run, short_run
from bench.api import Api, MeasurementError, Object
from bench.life import watch_left, watch_run
from bench.seen import complete, let_go, phase_is
from cluster.shell import say

NAME = "model-run"


@dataclass(frozen=True)
class Model:
    """As the API server has them when all is over."""

    run: Object
    job: Object
    pod: Object


def learn(api: Api) -> list[Model]:
    """Have one run succeed, and interrupt another; look at what is left, and remove it."""
    return [_succeeded(api), _interrupted(api)]


def _succeeded(api: Api) -> Model:
    say("having a run succeed, to copy what it leaves behind")
    with watch_run(api, NAME) as runs, watch_left(api, NAME) as (jobs, pods):
        api.create("agentruns", short_run(NAME))
        jobs.until(f"end of {NAME}", complete)
        pod, _ = pods.until(f"end of {NAME}'s pod", _released)
        runs.until(f"end of {NAME}", _settled)
    return _model(api, pod)


def _interrupted(api: Api) -> Model:
    say("interrupting a run, to copy what it leaves behind")
    with watch_run(api, NAME) as runs, watch_left(api, NAME) as (jobs, pods):
        api.create("agentruns", long_run(NAME))
        runs.until(f"start of {NAME}", phase_is("Running"))
        api.patch("agentruns", NAME, {"spec": {"cancel": "interrupt"}})
        runs.until(f"end of {NAME}", _settled)
        jobs.until(f"the label of {NAME}'s Job", let_go)
        pod, _ = pods.until(f"the label of {NAME}'s pod", let_go)
    return _model(api, pod)


def _model(api: Api, pod: Object) -> Model:
    model = Model(api.get("agentruns", NAME), api.get("jobs", NAME), pod)
    if "finalizers" in model.run["metadata"]:
        raise MeasurementError(f"{NAME} has finished, and still has finalizers")
    api.remove("agentruns", NAME)
    return model


def _settled(event: str, run: Object) -> bool:
    return run.get("status", {}).get("settled", False) is True


def _released(event: str, pod: Object) -> bool:
    """It has succeeded, and the Job controller has let go of it."""
    return pod["status"].get("phase") == "Succeeded" and not pod["metadata"].get("finalizers")
