"""Carrying out a plan: on the state that it was made for, in its order, and no more than once."""

from typing import Any

import pytest
from aiohttp import web

from agentrun_kube.client.kube import ApiError, Kube
from agentrun_kube.v1alpha1.agent_run import AgentRunStatus
from agentrun_kube.vocabulary import Cancel, Phase
from agentrun_operator.facts.pods import UNSTARTED_GRACE
from agentrun_operator.resources.event import Event
from agentrun_operator.runs.executor import Executor
from agentrun_operator.runs.plan import (
    Action,
    AddFinalizer,
    CancelRun,
    CreateJob,
    DeleteJob,
    DeletePod,
    DeleteRun,
    ForbidRetries,
    Plan,
    RemoveFinalizer,
    StopPod,
    Unwatch,
)
from agentrun_operator.runs.refusals import JobRefusedError
from agentrun_operator.runs.view import View
from agentrun_operator.state.intake import Intake

from .states import UID, run, view
from .wire import Wire

NEWS = Event("Normal", "Cancelling", "requested")
STOP = Plan(actions=(ForbidRetries("r", "job-uid"), StopPod("r-abc", "pod-uid")))
LIVE: dict[str, Any] = {"has_finalizer": True, "phase": Phase.RUNNING, "jobName": "r"}


@pytest.fixture
def executor(kube: Kube) -> Executor:
    return Executor(kube, Intake(kube, share=1))


def next_status(of: View) -> AgentRunStatus:
    return of.run.status.model_copy(update={"phase": Phase.CANCELLING})


@pytest.mark.parametrize("refusal", [409, 422, 429, 500])
async def test_no_event_is_sent_when_the_status_was_refused(
    wire: Wire, executor: Executor, refusal: int
) -> None:
    """Failure modes 18 and 43."""
    wire.refusals = {"status": refusal}
    live = view(run(**LIVE))
    with pytest.raises(ApiError):
        await executor.apply(live, Plan(status=next_status(live), events=(NEWS,)))
    assert wire.written == []


@pytest.mark.parametrize(
    ("status", "message"), [(500, "etcdserver: request is too large"), (413, "limit is 3145728")]
)
async def test_an_event_reports_a_run_that_has_no_room_for_its_status(
    wire: Wire, executor: Executor, status: int, message: str
) -> None:
    wire.answers = [web.json_response({"message": message}, status=status)]
    live = view(run(**LIVE))
    with pytest.raises(ApiError):
        await executor.apply(live, Plan(status=next_status(live), events=(NEWS,)))
    refused, event = wire.asked
    assert (refused.what, event.what) == ("status", "events")
    assert event.body["reason"] == "ObjectTooLarge"
    assert "spec.input" in event.body["message"]


async def test_a_terminating_namespace_is_no_refusal_of_the_job(
    wire: Wire, executor: Executor
) -> None:
    """Neither the Agent nor the quota is to be fixed."""
    answer = {"message": "no", "details": {"causes": [{"reason": "NamespaceTerminating"}]}}
    wire.answers = [web.json_response(answer, status=403)]
    with pytest.raises(ApiError):
        await executor.apply(view(run(has_finalizer=True)), Plan(actions=(CreateJob(),)))


async def test_each_write_depends_on_the_resource_version_before_it(
    wire: Wire, executor: Executor
) -> None:
    """Failure modes 15 and 17. Each write depends on the one before it, the first on the read."""
    live = view(run(meta_more={"resourceVersion": "7"}, **LIVE))
    await executor.apply(live, Plan(actions=(RemoveFinalizer(),), status=next_status(live)))
    release, status = (asked.body for asked in wire.asked)
    assert release["metadata"]["resourceVersion"] == "7"
    assert status[0] == {"op": "test", "path": "/metadata/resourceVersion", "value": "101"}


async def test_a_plan_for_an_outdated_run_ends_with_its_first_refused_write(
    wire: Wire, executor: Executor
) -> None:
    """Failure mode 17."""
    wire.refusals = {"agentruns": 409}
    new = view(run())
    plan = Plan(actions=(AddFinalizer(), CreateJob()), status=next_status(new), events=(NEWS,))
    with pytest.raises(ApiError):
        await executor.apply(new, plan)
    assert wire.written == []


async def test_a_job_that_exists_already_is_no_error(wire: Wire, executor: Executor) -> None:
    """Failure mode 25."""
    wire.refusals = {"jobs": 409}
    await executor.apply(view(run(has_finalizer=True)), Plan(actions=(CreateJob(),)))


@pytest.mark.parametrize(
    ("refusal", "error"),
    [
        *((status, JobRefusedError) for status in (400, 403, 413, 422)),
        *((status, ApiError) for status in (429, 500, 503)),
    ],
)
async def test_a_busy_server_is_not_taken_for_a_refusal_of_the_job(
    wire: Wire, executor: Executor, refusal: int, error: type[Exception]
) -> None:
    """Failure mode 43."""
    wire.refusals = {"jobs": refusal}
    with pytest.raises(error):
        await executor.apply(view(run(has_finalizer=True)), Plan(actions=(CreateJob(),)))


async def test_a_pod_is_stopped_although_its_job_is_gone(wire: Wire, executor: Executor) -> None:
    """Failure mode 20."""
    wire.refusals = {"jobs": 404}
    await executor.apply(view(run(cancel="interrupt", **LIVE)), STOP)
    assert wire.written == [("PATCH", "pods")]


@pytest.mark.parametrize("refusal", [429, 500])
async def test_a_pod_is_not_stopped_before_retries_are_forbidden(
    wire: Wire, executor: Executor, refusal: int
) -> None:
    """Failure modes 21 and 43."""
    wire.refusals = {"jobs": refusal}
    with pytest.raises(ApiError):
        await executor.apply(view(run(cancel="interrupt", **LIVE)), STOP)
    assert wire.written == []


async def test_an_unchanged_status_is_not_written(wire: Wire, executor: Executor) -> None:
    """Failure modes 8 and 49."""
    live = view(run(**LIVE))
    await executor.apply(live, Plan(status=live.run.status.model_copy()))
    assert wire.asked == []


async def test_removing_our_finalizer_keeps_those_of_others(wire: Wire, executor: Executor) -> None:
    """Failure mode 40."""
    live = view(run(finalizers=("other/x",), **LIVE))
    await executor.apply(live, Plan(actions=(RemoveFinalizer(),)))
    (release,) = wire.asked
    assert release.body["metadata"]["finalizers"] == ["other/x"]


@pytest.mark.parametrize(
    ("action", "uid"),
    [
        (ForbidRetries("r", "u"), "u"),
        (StopPod("p", "u"), "u"),
        (DeletePod("p", "u", 2), "u"),
        (DeleteJob("r", "u"), "u"),
        (DeleteRun(), UID),
        (CancelRun("o", "u", Cancel.INTERRUPT, "x"), "u"),
        (Unwatch("pods", "p", "u"), "u"),
    ],
)
async def test_an_action_names_the_uid_of_the_object_that_it_changes(
    wire: Wire, executor: Executor, action: Action, uid: str
) -> None:
    """Failure modes 23 and 27. The API server compares UIDs if a request has one."""
    await executor.apply(view(run(**LIVE)), Plan(actions=(action,)))
    (asked,) = wire.asked
    where = "preconditions" if asked.method == "DELETE" else "metadata"
    assert asked.body[where]["uid"] == uid


async def test_a_pod_without_a_container_is_deleted_with_the_short_grace_period(
    wire: Wire, executor: Executor
) -> None:
    """Failure mode 4."""
    await executor.apply(view(run(**LIVE)), Plan(actions=(DeletePod("p", "u", 2),)))
    (delete,) = wire.asked
    assert delete.body["gracePeriodSeconds"] == UNSTARTED_GRACE
