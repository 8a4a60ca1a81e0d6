"""A life: one run or raw Job from its creation until nothing is left, and when what was seen."""

import math
import time
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from enum import StrEnum

from bench.agent import wait_until_at_work
from bench.api import Api, Object, Watch
from bench.raw import Templates
from bench.seen import all_deleted, deleted, phase_is

CLEANUP = "agentrun-cleanup-"  # how the names of clean-up Jobs begin


class Kind(StrEnum):
    SUCCEEDED = "succeeded"
    INTERRUPTED = "interrupted"
    ROLLED_BACK = "rolled-back"
    RAW = "raw"  # a Job with a run's pod, deleted at work
    RAW_CLEANUP = "raw-cleanup"  # a Job with a clean-up's pod, that has nothing to do
    APPLIED = "applied"  # a run that kubectl creates
    RAW_APPLIED = "raw-applied"  # a Job with a run's pod that only imports LangGraph


class Moment(StrEnum):
    CREATE_SENT = "create sent"
    RUNNING = "running"
    FIRST_NODE = "first node"  # of the agent's graph, or where a raw Job would begin its own
    STOP_SENT = "stop sent"
    POD_ENDED = "pod ended"
    ENDED = "ended"
    NOTHING_LEFT = "nothing left"


@dataclass(frozen=True)
class Life:
    """One run or raw Job, and when something was seen of it, in Unix seconds."""

    kind: Kind
    name: str
    times: dict[Moment, float]

    def seconds(self, since: Moment, until: Moment) -> float:
        return self.times[until] - self.times[since]


@dataclass(frozen=True)
class Stage:
    """Where the lives of one round are measured.

    `fraction` is the part of a second, from 0 to 1, at which clocks start. The kubelet and the Job
    controller do some of their work once a second, so what is compared starts at the same fraction,
    and the rounds spread over the second.
    """

    api: Api
    templates: Templates
    fraction: float

    def start_clock(self) -> float:
        """Wait for the fraction of the second; the time then."""
        time.sleep((self.fraction - time.time()) % 1)
        return time.time()


def fraction(number: int) -> float:
    """Part of a second for a round, counted from 1: a half, a quarter, three quarters, an eighth...

    The van der Corput sequence: however many rounds there are, they are spread evenly, and so are
    any that follow each other, even if the kubelet's seconds slowly drift against ours.
    """
    digits = reversed(f"{number:b}")
    return math.fsum(math.ldexp(int(digit), -place) for place, digit in enumerate(digits, start=1))


def watch_run(api: Api, name: str) -> AbstractContextManager[Watch]:
    return api.watch("agentruns", fieldSelector=f"metadata.name={name}")


@contextmanager
def watch_left(api: Api, name: str) -> Iterator[tuple[Watch, Watch]]:
    """Watch a run's Job and its pods."""
    with (
        api.watch("jobs", fieldSelector=f"metadata.name={name}") as jobs,
        api.watch("pods", labelSelector=f"job-name={name}") as pods,
    ):
        yield jobs, pods


def start_run(stage: Stage, watch: Watch, run: Object) -> dict[Moment, float]:
    """Create a run and wait until its phase is Running, and its agent at work."""
    times = {Moment.CREATE_SENT: stage.start_clock()}
    stage.api.create("agentruns", run)
    seen, times[Moment.RUNNING] = watch.until("start of a run", phase_is("Running"))
    wait_until_at_work(stage.api, seen["status"]["podName"])
    return times


def roll_back(stage: Stage, name: str) -> dict[Moment, float]:
    """Roll back a run that is at work."""
    with stage.api.watch("pods") as pods, watch_run(stage.api, name) as run:
        times = {Moment.STOP_SENT: stage.start_clock()}
        stage.api.patch("agentruns", name, {"spec": {"cancel": "rollback"}})
        _, times[Moment.ENDED] = run.until(f"rollback of {name}", deleted)
        theirs = (f"{name}-", CLEANUP)
        _, times[Moment.NOTHING_LEFT] = pods.until(f"end of {name}'s pods", all_deleted(2, theirs))
    return times
