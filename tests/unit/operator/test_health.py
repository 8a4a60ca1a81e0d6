"""Liveness: a process that is stuck is restarted, and one that is busy is not."""

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


def test_a_process_before_its_first_full_read_is_alive(intake: Intake) -> None:
    assert health.trouble(intake, LONG) == ""


def test_a_process_is_alive_until_its_last_full_read_is_too_old(intake: Intake) -> None:
    intake.last_sync = 0.0
    assert health.trouble(intake, 60.0) == ""
    assert health.trouble(intake, LONG) == "no full read for 10000 s"


async def test_a_stuck_worker_is_reported(intake: Intake, monkeypatch: pytest.MonkeyPatch) -> None:
    intake.last_sync = LONG
    monkeypatch.setattr(workqueue, "monotonic", lambda: 0.0)
    intake.queue.add(Key(Reconciler.RUN, "ns", "r"))
    await intake.queue.take()
    monkeypatch.setattr(workqueue, "monotonic", lambda: LONG)
    assert health.trouble(intake, LONG) == "a worker has been on one key for 10000 s"


def test_a_namespace_that_gets_no_turn_is_reported(
    intake: Intake, monkeypatch: pytest.MonkeyPatch
) -> None:
    intake.last_sync = LONG
    monkeypatch.setattr(workqueue, "monotonic", lambda: 0.0)
    intake.queue.add(Key(Reconciler.RUN, "ns", "r"))
    monkeypatch.setattr(workqueue, "monotonic", lambda: LONG)
    assert health.trouble(intake, LONG) == "a namespace has had no turn for 10000 s"
