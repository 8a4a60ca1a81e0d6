"""Many runs at once: what it costs grows with their number, and not faster."""

import pytest

from simulated.world import World

from .simulated import Notes, agents_finish, cleanups_finish, create, go_on, phase

MANY = 60
# Some 30 requests are what a rollback alone needs, with the retries after writes that lost a race.
FEW_REQUESTS = 40


@pytest.mark.parametrize("cancel", ["interrupt", "rollback"])
@pytest.mark.parametrize("threads", [1, MANY])
def test_cancels_of_many_runs_do_not_wait_for_each_other(
    world: World, threads: int, cancel: str
) -> None:
    """Failure mode 50."""
    names = [f"r{number}" for number in range(MANY)]
    for number, name in enumerate(names):
        create(world, name, thread=f"t{number % threads}")
    world.start_operator()
    go_on(world, rounds=6)
    assert [phase(world, name) for name in names].count("Running") == threads
    for name in names:
        world.server.patch("agentruns", name, {"spec": {"cancel": cancel}})
    notes = Notes()
    for _ in range(10):
        go_on(world, notes)
        agents_finish(world)
        cleanups_finish(world)
    end = {"interrupt": "Interrupted", "rollback": "gone"}[cancel]
    assert {phase(world, name) for name in names} == {end}
    assert notes.asked <= MANY * FEW_REQUESTS
    assert world.judge.violations == []
