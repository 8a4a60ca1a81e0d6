"""A replica that stands by: its cache is warm, and it does not grow."""

from collections.abc import Callable
from typing import Any, cast

import pytest

from agentrun_kube.client.kube import Kube
from agentrun_kube.names import COMPONENT_AGENT, LABEL_COMPONENT, LABEL_RUN, LABEL_RUN_UID
from agentrun_operator.controller import Controller
from agentrun_operator.installation import Installation
from agentrun_operator.state.watched import WATCHED
from agentrun_operator.state.workqueue import Reconciler

Object = dict[str, Any]


class Server:
    """An API server that has these runs and nothing else, by the version 1000000."""

    def __init__(self, *runs: Object) -> None:
        self._runs = list(runs)

    async def each(self, plural: str, take: Callable[[Object], None], **_: str) -> int:
        for obj in self._runs if plural == "agentruns" else []:
            take(obj)
        return 1_000_000


def controller(*runs: Object) -> Controller:
    return Controller(cast("Kube", Server(*runs)), Installation("runner"))


def obj(version: int, number: int, **status: object) -> Object:
    labels = {
        LABEL_RUN: f"r{number}",
        LABEL_RUN_UID: f"u{number}",
        LABEL_COMPONENT: COMPONENT_AGENT,
    }
    meta = {
        "name": f"r{number}",
        "namespace": "ns",
        "uid": f"u{number}",
        "resourceVersion": str(version),
        "creationTimestamp": "2026-01-01T00:00:00Z",
        "labels": labels,
    }
    return {"metadata": meta, "spec": {"agentRef": {"name": "a"}}, "status": status}


async def test_a_standby_keeps_nothing_of_runs_that_have_ended() -> None:
    standby = controller()
    for number in range(20):
        version = 10 * number
        standby.intake.learn("agentruns", obj(version + 1, number, phase="Running"))
        standby.intake.learn("pods", obj(version + 2, number, phase="Running"))
        standby.intake.forget("pods", obj(version + 3, number, phase="Succeeded"))
        standby.intake.forget(
            "agentruns", obj(version + 4, number, phase="Succeeded", settled=True)
        )
    await standby.intake.sync()
    cache = standby.intake.cache
    assert [cache.all(plural) for plural in WATCHED] == [[]] * len(WATCHED)
    assert (cache._index, cache._departed, cache.threads._threads) == ({}, {}, {})
    assert standby.intake.unwatched == {}
    assert standby.intake.queue._turns == {}


async def test_a_pod_that_left_the_watch_of_a_standby_is_read_when_the_standby_leads() -> None:
    standby = controller(obj(1, 1, phase="Running"))
    standby.intake.learn("agentruns", obj(1, 1, phase="Running"))
    standby.intake.learn("pods", obj(2, 1, phase="Running"))
    standby.intake.forget("pods", obj(3, 1, phase="Succeeded"))
    await standby.work()
    assert [key.reconciler for key in standby.intake.unwatched] == [Reconciler.UNWATCHED_POD]
    await standby.stop()


class Counting(Server):
    reads = 0
    fails = False

    async def each(self, plural: str, take: Callable[[Object], None], **selectors: str) -> int:
        self.reads += 1
        if self.fails:
            raise TimeoutError
        return await super().each(plural, take, **selectors)


async def test_a_process_that_has_just_read_everything_works_without_reading_it_again() -> None:
    server = Counting(obj(1, 1, phase="Pending"))
    starting = Controller(cast("Kube", server), Installation("runner"))
    await starting.intake.sync()
    await starting.intake.begin()
    assert server.reads == len(WATCHED)
    assert await starting.intake.queue.take()


async def test_everything_is_read_again_if_a_pod_left_the_watch_before_the_process_leads() -> None:
    server = Counting(obj(1, 1, phase="Running"))
    starting = Controller(cast("Kube", server), Installation("runner"))
    await starting.intake.sync()
    starting.intake.learn("pods", obj(2, 1, phase="Running"))
    starting.intake.forget("pods", obj(3, 1, phase="Succeeded"))
    await starting.intake.begin()
    assert server.reads == 2 * len(WATCHED)


async def test_what_left_the_watch_is_read_again_also_after_a_read_that_failed() -> None:
    server = Counting(obj(1, 1, phase="Running"))
    starting = Controller(cast("Kube", server), Installation("runner"))
    await starting.intake.sync()
    starting.intake.learn("pods", obj(2, 1, phase="Running"))
    starting.intake.forget("pods", obj(3, 1, phase="Succeeded"))
    server.fails = True
    with pytest.raises(TimeoutError):
        await starting.intake.begin()
    server.fails = False
    await starting.intake.begin()
    assert [key.reconciler for key in starting.intake.unwatched] == [Reconciler.UNWATCHED_POD]
