"""SIGKILL before and after each write of a run's life: the run ends as it would have without.

On the simulated cluster of ``make chaos``; the operator restarts at once.
"""

from dataclasses import dataclass, field

import pytest

from objects import Object, merged
from simulated.kube import Fate, Request
from simulated.users import resume
from simulated.world import World

from .simulated import agents_finish, cleanups_finish, create, go_on, new_world, phase
from .test_finished_is_not_watched import fail, watched

GIT = {"metadata": {"annotations": {"argocd.argoproj.io/tracking-id": "x"}}}


@dataclass(frozen=True)
class Life:
    end: str
    writes: int  # in the whole of it: as many crashes
    spec: Object = field(default_factory=dict)
    meta: Object = field(default_factory=dict)
    patch: Object | None = None
    fails: int = 0  # times
    deleted: bool = False
    deleted_later: bool = False
    suspended: bool = False  # its Job, for a while from just before the patch on


LIVES = {
    "succeeds": Life("Succeeded", 6),
    "fails": Life("Failed", 8, fails=1),
    "is retried": Life("Succeeded", 9, {"retries": 1}, fails=1),
    "is interrupted": Life("Interrupted", 10, patch={"spec": {"cancel": "interrupt"}}),
    "is rolled back": Life("gone", 10, patch={"spec": {"cancel": "rollback"}}),
    "stays a tombstone": Life("RolledBack", 12, {}, GIT, {"spec": {"cancel": "rollback"}}),
    "is reclaimed": Life("gone", 9, {"reclaimPolicy": "Delete"}, deleted_later=True),
    "expires": Life("gone", 7, {"ttlSecondsAfterFinished": 50}),
    "is deleted": Life("gone", 7, deleted=True),
    "is preempted": Life("Succeeded", 9, suspended=True),
    "is preempted and stopped": Life(
        "Interrupted", 10, patch={"spec": {"cancel": "interrupt"}}, suspended=True
    ),
}


def live(world: World, life: Life, killed_at: int, fate: Fate) -> bool:
    """Whether the life had so many writes that the operator was killed."""
    create(world, thread="t", **life.spec)
    world.server.patch("agentruns", "r", life.meta)
    world.start_operator()
    writes, failures = 0, life.fails

    def serve(request: Request) -> None:
        nonlocal writes
        writes += request.writes
        if writes == killed_at and request.writes:
            world.operators[0].kube.pending.insert(0, request)
            world.crash(0, (fate,), 0)
            world.cluster_goes_on()
            world.start_operator()
        else:
            request.serve()

    for number in range(80):
        go_on(world, serve, pause=1 if number < 40 else 10)
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
    return writes >= killed_at


@pytest.mark.parametrize("fate", [Fate.DONE, Fate.LOST])
@pytest.mark.parametrize("life", LIVES)
def test_a_run_ends_the_same_after_a_crash_around_any_write(life: str, fate: Fate) -> None:
    kills, killed = 0, True
    while killed:
        with new_world() as world:
            killed = live(world, LIVES[life], kills + 1, fate)
            assert phase(world) == LIVES[life].end, f"killed at write {kills + 1}"
            assert world.judge.violations == []
            assert (watched(world, "jobs"), watched(world, "pods")) == ([], [])
        kills += killed
    assert kills == LIVES[life].writes
