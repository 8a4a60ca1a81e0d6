"""Liveness: the process is started again when it does not get on, and not because it is busy."""

from typing import cast

import pytest

from agentrun_kube.client.kube import Kube
from agentrun_operator import health
from agentrun_operator.state import workqueue
from agentrun_operator.state.intake import Intake
from agentrun_operator.state.workqueue import Key, Reconciler

LONG = 10_000.0


@pytest.fixture
def intake() -> Intake:
    return Intake(cast("Kube", None), share=1)


def test_a_process_that_has_not_read_all_yet_is_alive(intake: Intake) -> None:
    assert health.trouble(intake, LONG) == ""


def test_a_process_that_reads_and_works_is_alive(intake: Intake) -> None:
    intake.last_sync = 0.0
    assert health.trouble(intake, 60.0) == ""
    assert health.trouble(intake, LONG) == "no full read for 10000 s"


async def test_a_worker_that_is_stuck_is_trouble(
    intake: Intake, monkeypatch: pytest.MonkeyPatch
) -> None:
    intake.last_sync = LONG
    monkeypatch.setattr(workqueue, "monotonic", lambda: 0.0)
    intake.queue.add(Key(Reconciler.RUN, "ns", "r"))
    await intake.queue.take()
    monkeypatch.setattr(workqueue, "monotonic", lambda: LONG)
    assert health.trouble(intake, LONG) == "a worker has been on one key for 10000 s"


def test_a_namespace_that_gets_no_turn_is_trouble(
    intake: Intake, monkeypatch: pytest.MonkeyPatch
) -> None:
    intake.last_sync = LONG
    monkeypatch.setattr(workqueue, "monotonic", lambda: 0.0)
    intake.queue.add(Key(Reconciler.RUN, "ns", "r"))
    monkeypatch.setattr(workqueue, "monotonic", lambda: LONG)
    assert health.trouble(intake, LONG) == "a namespace has had no turn for 10000 s"
