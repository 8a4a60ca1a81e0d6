"""The API server refuses the clean-up Job, on the simulated cluster of ``make chaos``."""

import asyncio

import pytest

from agentrun_kube.client.kube import ApiError
from objects import Object
from simulated.agents import finish
from simulated.container import Exit
from simulated.kube import FakeKube, Request
from simulated.world import World

from .simulated import create, go_on

CREATES = "create jobs/agentrun-cleanup"


class Quota:
    """Refuses clean-up Jobs as long as it is ``exceeded``."""

    def __init__(self, status: int = 403) -> None:
        self.status = status
        self.exceeded = True
        self.refused = 0

    def __call__(self, request: Request) -> None:
        if self.exceeded and request.text.startswith(CREATES):
            self.refused += 1
            request.fail(ApiError(self.status, "exceeded quota", {}))
        else:
            request.serve()


def roll_back(world: World, name: str, quota: Quota) -> None:
    """Roll a run back, until its clean-up has been requested."""
    world.server.patch("agentruns", name, {"spec": {"cancel": "rollback"}})
    go_on(world, quota, rounds=2)
    for container in world.nodes.alive:
        if container.signalled_at is not None:
            finish(world, container)
    go_on(world, quota, rounds=3)


def rolled_back(world: World, name: str) -> Object:
    """The run's condition RolledBack; empty if it has none."""
    run = world.server.get("agentruns", name)
    conditions = run["status"]["conditions"] if run else []
    return next((c for c in conditions if c["type"] == "RolledBack"), {})


def why_not_clean(world: World, name: str) -> str:
    return str(rolled_back(world, name).get("message", ""))


def test_a_refused_clean_up_is_retried_with_growing_pauses(world: World) -> None:
    for status in (403, 429, 500):
        quota, name = Quota(status), f"r{status}"
        create(world, name, thread=name)
        world.start_operator()
        go_on(world, quota, rounds=5)
        roll_back(world, name, quota)
        go_on(world, quota, rounds=60)
        assert 3 < quota.refused < 16, "the pauses grow to a minute"
        assert ("exceeded quota" in why_not_clean(world, name)) == (status == 403)
        world.close()


def test_a_clean_up_that_left_no_report_is_reported_before_the_next_try(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Also if its log is read so late that the next try is due."""

    async def late(*_: object) -> str:
        await asyncio.sleep(10)
        return ""

    reported: set[str] = set()

    def serve(request: Request) -> None:
        """Jobs are created first: the next try is under way when the run is decided on."""
        pending = world.operators[0].kube.pending
        for other in [r for r in pending if r.text.startswith(CREATES)]:
            pending.remove(other)
            other.serve()
            world.loop.spin()
        request.serve()
        reported.add(rolled_back(world, "r").get("reason", ""))

    monkeypatch.setattr(FakeKube, "log", late)
    create(world, thread="t")
    world.start_operator()
    go_on(world, rounds=5)
    world.server.patch("agentruns", "r", {"spec": {"cancel": "rollback"}})
    killed: set[str] = set()
    for _ in range(30):
        for container in world.nodes.alive:
            if container.is_agent and container.signalled_at is not None:
                finish(world, container)
            elif not container.is_agent and len(killed) < 1:
                killed.add(container.uid)
                container.exit = Exit(137)
        go_on(world, serve)
    tries = [job for job in world.server.all("jobs") if job["metadata"]["name"] != "r"]
    assert len(tries) == 2
    assert "CleanupFailed" in reported


def test_a_refused_clean_up_of_one_run_is_not_reported_on_another(world: World) -> None:
    quota = Quota()
    for name in ("r", "s"):
        create(world, name, thread=name)
    world.start_operator()
    go_on(world, quota, rounds=5)
    roll_back(world, "r", quota)
    assert "exceeded quota" in why_not_clean(world, "r")
    world.server.patch("agentruns", "r", {"metadata": {"finalizers": []}})
    world.server.delete("agentruns", "r")
    go_on(world, quota)
    world.server.patch("agentruns", "s", {"spec": {"cancel": "rollback"}})
    quota.exceeded = False
    for _ in range(8):
        go_on(world, quota)
        assert "quota" not in why_not_clean(world, "s")
