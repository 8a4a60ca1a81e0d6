"""The Lease, in the simulated API server of ``make chaos`` and in its time."""

import asyncio
from collections.abc import Callable

import pytest

from agentrun_kube.client.kube import ApiError
from agentrun_operator.lease import DURATION_SECONDS, RENEW_DEADLINE_SECONDS, Lease, LeaseLostError
from objects import NAMESPACE
from simulated.kube import FakeKube
from simulated.world import World


class Replica:
    def __init__(self, world: World, name: str) -> None:
        self.world = world
        self.kube = FakeKube(world.server)
        self.kube.instantly = True
        self.lease = Lease(self.kube, NAMESPACE, name)
        self.holds = asyncio.Event()
        self.life = world.loop.create_task(self._live())

    async def _live(self) -> None:
        await self.lease.acquire()
        self.holds.set()
        await self.lease.keep()


def wait(world: World, seconds: float, until: Callable[[], bool]) -> float:
    """The seconds that it takes; so many are allowed."""
    for second in range(int(seconds) + 1):
        if until():
            return second
        world.loop.advance(1)
    raise AssertionError(f"not within {seconds} s")


def test_at_most_one_replica_holds_the_lease(world: World) -> None:
    """Failure mode 26."""
    first = Replica(world, "first")
    wait(world, 1, first.holds.is_set)
    second = Replica(world, "second")
    for _ in range(60):
        world.loop.advance(1)
        assert not second.holds.is_set()
        assert not first.life.done()
    first.life.cancel()
    taken = wait(world, DURATION_SECONDS + 3, second.holds.is_set)
    assert taken >= DURATION_SECONDS - 2
    second.life.cancel()
    world.loop.spin()


def test_a_holder_that_was_paused_stops_when_it_sees_its_successor(world: World) -> None:
    """Failure mode 26."""
    sleeper = Replica(world, "sleeper")
    wait(world, 1, sleeper.holds.is_set)
    lease = world.server.get("leases", "agentrun-operator")
    assert lease is not None
    taken = lease["spec"] | {"holderIdentity": "successor"}
    world.server.patch("leases", "agentrun-operator", {"metadata": {}, "spec": taken})
    wait(world, 3, sleeper.life.done)
    with pytest.raises(LeaseLostError):
        sleeper.life.result()


def test_a_renewal_is_one_request(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each waits behind whatever else the process does."""
    holder = Replica(world, "holder")
    wait(world, 1, holder.holds.is_set)

    async def refuse(*_: object) -> None:
        raise ApiError(503, "away", {})

    monkeypatch.setattr(holder.kube, "get", refuse)
    for _ in range(30):
        world.loop.advance(1)
    assert not holder.life.done()
    holder.life.cancel()
    world.loop.spin()


def test_a_lease_that_others_write_to_is_kept(world: World) -> None:
    holder = Replica(world, "holder")
    wait(world, 1, holder.holds.is_set)
    for _ in range(30):
        world.server.patch("leases", "agentrun-operator", {"metadata": {"labels": {"x": "y"}}})
        world.loop.advance(1)
    assert not holder.life.done()
    holder.life.cancel()
    world.loop.spin()


def test_a_holder_that_cannot_renew_its_lease_stops_by_the_deadline(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Failure mode 26. Others may take the lease after DURATION_SECONDS."""
    holder = Replica(world, "holder")
    wait(world, 1, holder.holds.is_set)

    async def refuse(*_: object) -> None:
        raise ApiError(503, "away", {})

    monkeypatch.setattr(holder.kube, "get", refuse)
    monkeypatch.setattr(holder.kube, "merge_patch", refuse)
    wait(world, RENEW_DEADLINE_SECONDS, holder.life.done)
    with pytest.raises(TimeoutError):
        holder.life.result()


def test_a_holder_whose_requests_hang_stops_by_the_deadline(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Failure mode 26."""
    holder = Replica(world, "holder")
    wait(world, 1, holder.holds.is_set)

    async def hang(*_: object) -> None:
        await asyncio.Event().wait()

    monkeypatch.setattr(holder.kube, "get", hang)
    monkeypatch.setattr(holder.kube, "merge_patch", hang)
    wait(world, RENEW_DEADLINE_SECONDS, holder.life.done)
