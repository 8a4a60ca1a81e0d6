"""Runs and raw Jobs that kubectl creates, and that say when their graph begins, or could begin.

The node runs on this machine, so both sides have our clock.
"""

import json

from bench.agent import quick_steps
from bench.api import Object
from bench.life import Kind, Life, Moment, Stage, watch_run
from bench.raw import raw_job
from bench.seen import agent_runs, complete, phase_is
from bench.setting import NAMESPACE
from cluster import kubectl

IMPORT = "import time; import langgraph.graph; print(time.time(), flush=True)"


def applied(stage: Stage, number: int) -> Life:
    """A run on a new thread, whose first node takes the time."""
    name = f"applied-{number}"
    run = quick_steps(name, thread=name, steps=1)
    with watch_run(stage.api, name) as changes:
        times = {Moment.CREATE_SENT: stage.start_clock()}
        _apply(run)
        seen, times[Moment.ENDED] = changes.until(f"success of {name}", phase_is("Succeeded"))
    times[Moment.FIRST_NODE] = seen["status"]["output"]["first_at"]
    stage.api.remove("agentruns", name)
    return Life(Kind.APPLIED, name, times)


def raw_applied(stage: Stage, number: int) -> Life:
    """A Job with a run's pod, in which Python imports LangGraph and takes the time."""
    name, api = f"raw-applied-{number}", stage.api
    job = raw_job(stage.templates, name)
    (container,) = job["spec"]["template"]["spec"]["containers"]
    container["command"] = ["python3", "-c", IMPORT]
    with (
        api.watch("pods", labelSelector=f"job-name={name}") as pods,
        api.watch("jobs", fieldSelector=f"metadata.name={name}") as jobs,
    ):
        times = {Moment.CREATE_SENT: stage.start_clock()}
        _apply(job)
        pod, _ = pods.until(f"start of {name}", agent_runs)
        with api.log(pod["metadata"]["name"], "agent") as lines:
            times[Moment.FIRST_NODE] = float(next(lines))
        _, times[Moment.ENDED] = jobs.until(f"end of {name}", complete)
    api.remove("jobs", name)
    return Life(Kind.RAW_APPLIED, name, times)


def _apply(obj: Object) -> None:
    kubectl("apply", "--namespace", NAMESPACE, "--filename=-", stdin=json.dumps(obj))
