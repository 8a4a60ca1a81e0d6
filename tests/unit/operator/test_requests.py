"""The requests that one run costs the API server, counted by verb and resource."""

from collections import Counter

import pytest

from simulated.kube import Request
from simulated.world import World

from .simulated import agents_finish, cleanups_finish, create, go_on, phase

START = Counter(
    {
        "get agentruns": 1,
        "get agents": 1,
        "get jobs": 1,
        "patch agentruns": 1,  # finalizer, and place in the queue
        "status": 2,  # the thread is taken; Running
        "list agentruns": 1,  # the thread's other holders, once it is taken
        "list pods": 1,  # the thread's live pods
        "create jobs": 1,
    }
)
INTERRUPT = Counter(
    {
        "patch pods": 2,  # the stop; off the watch
        "status": 2,  # Cancelling; Interrupted
        "get jobs": 1,
        "list pods": 1,
        "patch agentruns": 1,  # finalizer
        "get agentruns": 1,
        "patch jobs": 1,  # off the watch
    }
)
ROLLBACK = Counter(
    {
        "patch pods": 1,  # the stop
        "status": 2,  # Cancelling; stopped, clean-up pending
        "get jobs": 3,  # stopped; what the clean-up's pod is like; cleaned
        "list pods": 2,
        "list agentruns": 2,  # the thread's other holders
        "create jobs": 1,  # for up to 40 runs
        "get pods": 1,  # the clean-up's, which has succeeded
        "patch agentruns": 1,  # finalizer
        "delete agentruns": 1,
        "get agentruns": 4,  # it is gone; what is left of it goes, too
    }
)
SUCCESS = Counter(
    {
        "get pods": 1,  # it has left the watch
        "get jobs": 1,
        "list pods": 1,
        "patch agentruns": 1,
        "status": 1,
    }
)


class Kinds:
    """Serves all, and counts by verb and resource."""

    def __init__(self) -> None:
        self.counts: Counter[str] = Counter()

    def __call__(self, request: Request) -> None:
        verb, what, *_ = request.text.split()
        self.counts["status" if verb == "status" else f"{verb} {what.partition('/')[0]}"] += 1
        request.serve()


@pytest.mark.parametrize(
    ("cancel", "end", "expected"),
    [
        ("interrupt", "Interrupted", INTERRUPT),
        ("rollback", "gone", ROLLBACK),
        (None, "Succeeded", SUCCESS),
    ],
)
def test_a_run_costs_exactly_these_requests(
    world: World, cancel: str | None, end: str, expected: Counter[str]
) -> None:
    world.start_operator()
    go_on(world, rounds=12)  # the first resync is over
    start, rest = Kinds(), Kinds()
    create(world, thread="t")
    go_on(world, start, rounds=6)
    assert phase(world) == "Running"
    assert start.counts == START
    if cancel is None:
        agents_finish(world)
    else:
        world.server.patch("agentruns", "r", {"spec": {"cancel": cancel}})
    for _ in range(8):
        go_on(world, rest)
        agents_finish(world)
        cleanups_finish(world)
    assert phase(world) == end
    assert rest.counts == expected
