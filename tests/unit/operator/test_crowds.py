"""A run costs the same work and as many requests, however many other runs there are."""

import sys
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from types import FrameType
from typing import Any, cast

import pytest

from agentrun_kube.client.kube import Kube
from agentrun_operator.cleanups.own import OwnCleanups
from agentrun_operator.installation import Installation
from agentrun_operator.runs.observe import Observer
from agentrun_operator.runs.policy.decide import decide
from agentrun_operator.state.intake import Intake
from agentrun_operator.state.watched import WATCHED
from agentrun_operator.state.workqueue import Key, Reconciler
from simulated.world import World

from .simulated import Notes, agents_finish, create, go_on, phase

Object = dict[str, Any]
CROWD = 5_000
START = datetime(2026, 1, 1, tzinfo=UTC)


def meta(name: str, number: int, **more: Any) -> Object:
    return {
        "name": name,
        "namespace": "ns",
        "uid": name,
        "resourceVersion": str(number + 1),
        "creationTimestamp": (START + timedelta(seconds=number)).isoformat(),
        **more,
    }


def waiting(number: int, thread: str) -> Object:
    spec = {"agentRef": {"name": "a"}, "thread": thread}
    return {"metadata": meta(f"run-{number}", number), "spec": spec}


def live(number: int, thread: str) -> Object:
    name = f"run-{number}"
    status = {
        "phase": "Running",
        "holdsThread": True,
        "jobName": name,
        "jobUid": f"job-{number}",
        "claimName": "agentrun-store",
    }
    return waiting(number, thread) | {"status": status}


def things_of(number: int) -> list[tuple[str, Object]]:
    name = f"run-{number}"
    labels = {
        "agentrun.dev/run": name,
        "agentrun.dev/run-uid": name,
        "agentrun.dev/thread": f"t{number}",
        "app.kubernetes.io/component": "agent",
    }
    job_owner = {"kind": "AgentRun", "name": name, "uid": name, "controller": True}
    pod_owner = {"kind": "Job", "name": name, "uid": f"job-{number}", "controller": True}
    job = meta(name, number, uid=f"job-{number}", labels=labels, ownerReferences=[job_owner])
    pod = meta(f"{name}-x", number, labels=labels, ownerReferences=[pod_owner])
    running: Object = {"phase": "Running", "containerStatuses": []}
    return [
        ("jobs", {"metadata": job, "spec": {"template": {"spec": {}}}}),
        ("pods", {"metadata": pod, "spec": {"nodeName": "n"}, "status": running}),
    ]


def queue_of(count: int) -> Intake:
    """One run has the thread; the others wait for it."""
    intake = Intake(cast("Kube", None), share=1)
    intake.learn("agentruns", live(0, "t"))
    for number in range(1, count + 1):
        intake.learn("agentruns", waiting(number, "t"))
    return intake


def crowd_of(count: int) -> Intake:
    """All run, each on a thread of its own."""
    intake = Intake(cast("Kube", None), share=1)
    for number in range(count + 1):
        intake.learn("agentruns", live(number, f"t{number}"))
        for plural, obj in things_of(number):
            intake.learn(plural, obj)
    return intake


def calls(work: Callable[[], object]) -> int:
    """How many functions the work calls, builtin ones too."""
    count = 0

    def note(_: FrameType, event: str, __: object) -> None:
        nonlocal count
        count += event in ("call", "c_call")

    sys.setprofile(note)
    try:
        work()
    finally:
        sys.setprofile(None)
    return count


def decision(intake: Intake, number: int) -> int:
    observer = Observer(cast("Kube", None), intake, OwnCleanups(), Installation("runner"))

    def look() -> None:
        run = intake.cache.run("ns", f"run-{number}")
        assert run is not None
        decide(observer.from_cache(run))

    look()  # what is computed once and then cached
    return calls(look)


@pytest.mark.parametrize("others", [queue_of, crowd_of])
def test_a_decision_takes_the_same_work_beside_few_and_beside_many(
    others: Callable[[int], Intake],
) -> None:
    few, many = (decision(others(count), count // 2) for count in (10, CROWD))
    assert abs(many - few) <= 5


@pytest.mark.parametrize("others", [queue_of, crowd_of])
def test_a_watch_event_takes_the_same_work_beside_few_and_beside_many(
    others: Callable[[int], Intake],
) -> None:
    def news(count: int) -> int:
        intake, obj = others(count), live(0, "t")
        obj["metadata"]["resourceVersion"] = "1000000"
        obj["status"]["phase"] = "Succeeded"
        return calls(lambda: intake.learn("agentruns", obj))

    assert abs(news(CROWD) - news(10)) <= 20


def test_each_run_that_ends_wakes_only_the_next_one() -> None:
    intake = queue_of(100)
    intake.works = True
    for number in range(100):
        done = live(number, "t")
        done["metadata"]["resourceVersion"] = f"{1000 + 2 * number}"
        done["status"] |= {"phase": "Succeeded", "holdsThread": None}
        woken = intake.cache.upsert(WATCHED["agentruns"].parse(done))
        assert woken == {Key(Reconciler.RUN, "ns", f"run-{n}") for n in (number, number + 1)}
        takes = live(number + 1, "t")
        takes["metadata"]["resourceVersion"] = f"{1001 + 2 * number}"
        assert intake.cache.upsert(WATCHED["agentruns"].parse(takes)) == {
            Key(Reconciler.RUN, "ns", f"run-{number + 1}")
        }


def test_each_run_of_a_draining_queue_takes_as_many_requests_however_long_it_is(
    world: World,
) -> None:
    def asked_for_each(prefix: str, count: int) -> float:
        names = [f"{prefix}{number}" for number in range(count)]
        for name in names:
            create(world, name, thread=prefix)
        notes = Notes()
        while {phase(world, name) for name in names} != {"Succeeded"}:
            go_on(world, notes, pause=0.3)
            agents_finish(world)
        return notes.asked / count

    world.start_operator()
    go_on(world, rounds=2)
    few, many = asked_for_each("few", 5), asked_for_each("many", 40)
    assert many <= few * 1.2
    assert world.judge.violations == []
