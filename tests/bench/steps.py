"""Where the time goes: the requests that arrive at the API server between two moments of a life."""

from collections.abc import Sequence
from dataclasses import dataclass
from statistics import median

from bench.audited import JOBS, KUBELET, OPERATOR, SCHEDULER, Request
from bench.life import CLEANUP, Kind, Life, Moment
from bench.table import table


@dataclass(frozen=True)
class Step:
    """A request of somebody (`user` is how the name begins).

    Its object's name begins with `name`, in which "{}" is the life's name.
    """

    label: str
    user: str
    verb: str
    what: str
    name: str = ""

    def matches(self, request: Request, life: Life) -> bool:
        return (
            not request.refused
            and request.user.startswith(self.user)
            and (request.verb, request.what) == (self.verb, self.what)
            and request.name.startswith(self.name.format(life.name))
        )


RUN_CLAIMED = Step("the operator claims the run", OPERATOR, "patch", "agentruns")
JOB_CREATED = Step("it creates the Job", OPERATOR, "create", "jobs")
POD_MADE = Step("the Job controller creates the pod", JOBS, "create", "pods")
POD_BOUND = Step("the scheduler binds it", SCHEDULER, "create", "pods/binding")
POD_RUNS = Step("the kubelet reports that it runs", KUBELET, "patch", "pods/status", "{}-")
POD_ENDED = Step("the kubelet reports that it ended", KUBELET, "patch", "pods/status", "{}-")
CLEANUP_CREATED = Step("the operator creates the clean-up Job", OPERATOR, "create", "jobs")
CLEANUP_ENDED = Step(POD_ENDED.label, KUBELET, "patch", "pods/status", CLEANUP)


@dataclass(frozen=True)
class Span:
    """From one moment to another, in lives of a kind, and the steps on the way."""

    label: str
    kind: Kind
    since: Moment
    until: Moment
    steps: tuple[Step, ...]
    end: str = "the watcher sees it"


def breakdown(
    span: Span, lives: Sequence[Life], requests: Sequence[Request]
) -> list[tuple[str, float]]:
    """Median seconds from each step to the next; the last entry is the way to the end.

    A step that some life did not have is left out: its time is in the step after it.
    """
    all_arrivals = [arrivals(span, life, requests) for life in lives]
    steps = [step for step in span.steps if all(step in arrived for arrived in all_arrivals)]
    marks = [
        [life.times[span.since], *(arrived[step] for step in steps), life.times[span.until]]
        for life, arrived in zip(lives, all_arrivals, strict=True)
    ]
    labels = [*(step.label for step in steps), span.end]
    return [
        (label, median(times[i + 1] - times[i] for times in marks))
        for i, label in enumerate(labels)
    ]


def steps_table(spans: Sequence[tuple[str, list[tuple[str, float]]]]) -> str:
    """For the report: each span's label, and what `breakdown` says of it."""
    rows = [
        [label if number == 0 else "", step, f"{seconds * 1000:.0f}"]
        for label, steps in spans
        for number, (step, seconds) in enumerate(steps)
    ]
    return (
        "Where the time goes: medians in ms from each request's arrival at the API server to the"
        f" next one's. Medians do not add up exactly.\n\n{table(['', 'step', 'ms'], rows)}"
    )


def arrivals(span: Span, life: Life, requests: Sequence[Request]) -> dict[Step, float]:
    """When the last request of each step came that was before the next step's."""
    found: dict[Step, float] = {}
    before = life.times[span.until]
    for step in reversed(span.steps):
        times = (
            request.at
            for request in requests
            if life.times[span.since] <= request.at <= before and step.matches(request, life)
        )
        last = max(times, default=None)
        if last is not None:
            found[step] = before = last
    return found
