"""Where the time goes: the requests that arrive at the API server between two moments of a life."""

from collections.abc import Sequence
from dataclasses import dataclass
from statistics import median

from bench.audited import Request
from bench.lives import Kind, Life, Moment


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


@dataclass(frozen=True)
class Span:
    """From one moment to another, in lives of a kind, and the steps on the way."""

    label: str
    kind: Kind
    since: Moment
    until: Moment
    steps: tuple[Step, ...]


def breakdown(
    span: Span, lives: Sequence[Life], requests: Sequence[Request]
) -> list[tuple[str, float]]:
    """Median seconds from each step to the next; the last entry is the way to the watcher.

    A step that some life did not have is left out: its time is in the step after it.
    """
    arrivals = [_arrivals(span, life, requests) for life in lives]
    steps = [step for step in span.steps if all(step in arrived for arrived in arrivals)]
    marks = [
        [life.times[span.since], *(arrived[step] for step in steps), life.times[span.until]]
        for life, arrived in zip(lives, arrivals, strict=True)
    ]
    labels = [*(step.label for step in steps), "the watcher sees it"]
    return [
        (label, median(times[i + 1] - times[i] for times in marks))
        for i, label in enumerate(labels)
    ]


def _arrivals(span: Span, life: Life, requests: Sequence[Request]) -> dict[Step, float]:
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
