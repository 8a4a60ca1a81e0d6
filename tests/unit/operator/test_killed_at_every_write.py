"""SIGKILL before and after each write of a run's life, and the life goes on as it would have.

On the simulated cluster of ``make chaos``, the operator started anew at once.
"""

from dataclasses import dataclass, field

import pytest

from objects import Object, merged
from simulated.kube import Fate
from simulated.users import resume
from simulated.world import World

from .simulated import agents_finish, cleanups_finish, create, phase
from .test_finished_is_not_watched import fail, watched

GIT = {"metadata": {"annotations": {"argocd.argoproj.io/tracking-id": "x"}}}
MOST_WRITES = 16  # of any life here, and some more


@dataclass(frozen=True)
class Life:
    end: str
    spec: Object = field(default_factory=dict)
    meta: Object = field(default_factory=dict)
    patch: Object | None = None
    fails: int = 0  # times
    deleted: bool = False
    deleted_later: bool = False
    suspended: bool = False  # its Job, for a while from just before the patch on


LIVES = {
    "succeeds": Life("Succeeded"),
    "fails": Life("Failed", fails=1),
    "is retried": Life("Succeeded", {"retries": 1}, fails=1),
    "is interrupted": Life("Interrupted", patch={"spec": {"cancel": "interrupt"}}),
    "is rolled back": Life("gone", patch={"spec": {"cancel": "rollback"}}),
    "stays a tombstone": Life("RolledBack", {}, GIT, {"spec": {"cancel": "rollback"}}),
    "is reclaimed": Life("gone", {"reclaimPolicy": "Delete"}, deleted_later=True),
    "expires": Life("gone", {"ttlSecondsAfterFinished": 50}),
    "is deleted": Life("gone", deleted=True),
    "is preempted": Life("Succeeded", suspended=True),
    "is preempted and stopped": Life(
        "Interrupted", patch={"spec": {"cancel": "interrupt"}}, suspended=True
    ),
}


def live(world: World, life: Life, killed_at: int, fate: Fate) -> None:
    create(world, thread="t", **life.spec)
    world.server.patch("agentruns", "r", life.meta)
    world.start_operator()
    writes, failures = 0, life.fails
    for number in range(80):
        (operator,) = world.operators
        operator.deliver_all()
        while operator.kube.pending:
            writes += operator.kube.pending[0].writes
            if writes == killed_at and operator.kube.pending[0].writes:
                world.crash(0, (fate,), 0)
                world.cluster_goes_on()
                operator = world.start_operator()
            else:
                operator.take().serve()
                world.loop.spin()
        world.cluster_goes_on()
        world.loop.advance(1 if number < 40 else 10)
        job = world.server.get("jobs", "r")
        if number == 6 and life.suspended and job is not None:
            world.server.update("jobs", job, merged(job, {"spec": {"suspend": True}}))
        if number == 20 and life.suspended and job is not None:
            resume(world, job)
        if number == 8 and life.patch is not None:
            world.server.patch("agentruns", "r", life.patch)
        if number == 8 and life.deleted:
            world.server.delete("agentruns", "r")
        if number > 8 and failures and world.nodes.alive:
            fail(world)
            failures -= 1
        elif number > 10 and not failures:
            agents_finish(world)
        if number == 45 and life.deleted_later:
            world.server.delete("agentruns", "r")
        cleanups_finish(world)


@pytest.mark.parametrize("fate", [Fate.DONE, Fate.LOST])
@pytest.mark.parametrize("killed_at", range(1, MOST_WRITES + 1))
@pytest.mark.parametrize("life", LIVES)
def test_a_crash_around_a_write_changes_the_end(
    world: World, life: str, killed_at: int, fate: Fate
) -> None:
    live(world, LIVES[life], killed_at, fate)
    assert phase(world) == LIVES[life].end
    assert world.judge.violations == []
    assert (watched(world, "jobs"), watched(world, "pods")) == ([], [])
