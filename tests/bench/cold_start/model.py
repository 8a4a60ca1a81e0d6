"""What a finished run leaves behind, learned from a real one."""

from dataclasses import dataclass

from bench.agent import short_run
from bench.api import Api, MeasurementError, Object
from bench.life import watch_run
from bench.seen import complete
from cluster.shell import say

NAME = "model-run"


@dataclass(frozen=True)
class Model:
    """As the API server has them when all is over."""

    run: Object
    job: Object
    pod: Object


def learn(api: Api) -> Model:
    """Have a run succeed, look at what is left, and remove it."""
    say("having a run succeed, to copy what it leaves behind")
    with (
        watch_run(api, NAME) as runs,
        api.watch("jobs", fieldSelector=f"metadata.name={NAME}") as jobs,
        api.watch("pods", labelSelector=f"job-name={NAME}") as pods,
    ):
        api.create("agentruns", short_run(NAME))
        jobs.until(f"end of {NAME}", complete)
        pod, _ = pods.until(f"end of {NAME}'s pod", _released)
        runs.until(f"end of {NAME}", _settled)
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
