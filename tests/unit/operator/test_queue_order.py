"""The order of a thread's queue: that of creation, also within one second."""

import pytest

from agentrun_kube.names import ANNOTATION_QUEUED
from agentrun_kube.vocabulary import Phase
from agentrun_operator.runs.plan import AddFinalizer, Enqueue
from agentrun_operator.runs.policy.decide import decide
from objects import Object
from simulated.kube import Fate
from simulated.world import World

from .simulated import agents_finish, create, go_on, phase
from .states import run, view


def test_of_two_runs_created_in_one_second_the_one_with_the_lower_version_is_first() -> None:
    first, second = run("z", version=5, queued=None), run("a", uid="u2", version=6, queued=None)
    assert first.order < second.order
    assert decide(view(first, rivals=(second,))).actions == (AddFinalizer(),)


def test_a_run_whose_place_is_written_down_keeps_it_at_a_later_version() -> None:
    first, second = run("z", version=99, queued=5), run("a", uid="u2", version=6, queued=None)
    assert first.order < second.order


@pytest.mark.parametrize("text", ["", "-1", "x", "9" * 5000, "\u0665"])
def test_a_place_that_is_no_number_is_ignored(text: str) -> None:
    """Any user may write an annotation."""
    odd = run(version=7, meta_more={"annotations": {ANNOTATION_QUEUED: text}})
    assert odd.order[1] == 7


def test_a_run_gets_its_place_with_its_first_status() -> None:
    plan = decide(view(run(queued=None), agent=None))
    assert plan.actions == (Enqueue(),)
    assert plan.status is not None


def test_a_run_that_is_refused_at_once_gets_no_place() -> None:
    plan = decide(view(run("r" * 64, queued=None)))
    assert plan.actions == ()
    assert plan.status is not None
    assert plan.status.phase == Phase.FAILED


def test_a_run_without_a_thread_gets_no_place() -> None:
    assert decide(view(run(thread=None, queued=None), agent=None)).actions == ()


def place(world: World, name: str) -> str | None:
    found = world.server.get("agentruns", name)
    assert found is not None
    annotations: Object = found["metadata"].get("annotations") or {}
    return annotations.get(ANNOTATION_QUEUED)


def version(world: World, name: str) -> str:
    found = world.server.get("agentruns", name)
    assert found is not None
    return str(found["metadata"]["resourceVersion"])


def test_a_runs_place_is_its_version_at_creation(world: World) -> None:
    versions = []
    for name in "za":
        create(world, name, thread="t")
        versions.append(version(world, name))
    world.start_operator()
    go_on(world, rounds=5)
    assert [phase(world, name) for name in "za"] == ["Running", "Pending"]
    assert [place(world, name) for name in "za"] == versions
    create(world, "free")
    go_on(world, rounds=5)
    assert place(world, "free") is None


def test_runs_of_one_second_start_in_the_order_of_their_creation(world: World) -> None:
    names = ["c", "a", "d", "b"]
    for name in names:
        create(world, name, thread="t")
    world.start_operator()
    for number in range(len(names)):
        go_on(world, rounds=10)
        phases = [phase(world, name) for name in names]
        expected = ["Succeeded"] * number + ["Running"] + ["Pending"] * (len(names) - number - 1)
        assert phases == expected
        agents_finish(world)
    go_on(world, rounds=10)


def test_a_crash_of_the_operator_does_not_change_the_order_of_the_queue(world: World) -> None:
    for name in "zma":
        create(world, name, thread="t", agentRef={"name": "later"})
    world.start_operator()
    go_on(world, rounds=5)
    world.crash(0, (Fate.LOST,), 0)
    world.start_operator()
    spec: Object = {"runtime": {"langgraph": {"graph": "m:g"}}}
    world.server.create("agents", {"metadata": {"name": "later"}, "spec": spec})
    go_on(world, rounds=5)
    assert [phase(world, name) for name in "zma"] == ["Running", "Pending", "Pending"]
