"""An API server with a new message for each refusal, like a webhook that numbers its answers."""

import pytest

from agentrun_kube.client.kube import ApiError
from simulated.kube import Request
from simulated.world import World

from .simulated import agents_finish, create, go_on, phase


class RefusesJobs:
    """Refuses to create Jobs, each time with a number of its own."""

    def __init__(self) -> None:
        self.times = 0

    def __call__(self, request: Request) -> None:
        if request.text.startswith("create jobs"):
            self.times += 1
            assert self.times < 100, "it is retried without a pause"
            request.fail(ApiError(403, f"denied, request {self.times}", {}))
        else:
            request.serve()


def message(world: World, kind: str) -> str:
    run = world.server.get("agentruns", "r")
    assert run is not None
    conditions = run["status"]["conditions"]
    return next(str(c["message"]) for c in conditions if c["type"] == kind)


@pytest.mark.parametrize("thread", [None, "t"])
def test_a_job_refused_with_a_new_message_each_time_is_retried_with_growing_pauses(
    world: World, thread: str | None
) -> None:
    serve = RefusesJobs()
    create(world, **({} if thread is None else {"thread": thread}))
    world.start_operator()
    go_on(world, serve, rounds=60)
    assert 5 < serve.times < 15  # 60 s, and each wait is twice as long as the one before
    assert f"request {serve.times}" in message(world, "Started")
    go_on(world, rounds=80)
    assert phase(world) == "Running"


def test_a_clean_up_refused_with_a_new_message_each_time_is_retried_with_growing_pauses(
    world: World,
) -> None:
    create(world, thread="t")
    world.start_operator()
    go_on(world, rounds=5)
    world.server.patch("agentruns", "r", {"spec": {"cancel": "rollback"}})
    go_on(world, rounds=2)
    agents_finish(world)
    serve = RefusesJobs()
    go_on(world, serve, rounds=60)
    assert 5 < serve.times < 15
    assert f"request {serve.times}" in message(world, "RolledBack")
