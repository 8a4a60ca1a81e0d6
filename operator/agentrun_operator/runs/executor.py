"""Carries out a plan: the only place that changes anything of a run.

Every step may be the last before a crash, and every step may be repeated. Writes to the run carry
the resourceVersion that the decision was made on: if another client changed the run first, the API
server refuses the write, and the operator decides again.
"""

from collections.abc import Awaitable

from agentrun_kube.client.kube import ApiError, Kube
from agentrun_kube.names import ANNOTATION_QUEUED, FINALIZER, LABEL_FINISHED
from agentrun_kube.objects import Object
from agentrun_kube.v1alpha1.agent_run import AgentRun, AgentRunStatus
from agentrun_kube.vocabulary import Reason

from .. import events
from ..facts.pods import STOP_DEADLINE
from ..resources.event import Event
from ..resources.run_job import run_job
from ..state.intake import Intake
from .plan import (
    Action,
    AddFinalizer,
    CancelRun,
    CreateJob,
    DeleteJob,
    DeletePod,
    DeleteRun,
    Enqueue,
    ForbidRetries,
    Plan,
    RemoveFinalizer,
    RequestCleanup,
    ShortenStop,
    StopPod,
    Unwatch,
)
from .refusals import JobRefusedError
from .shorten import shorten
from .view import View

_NO_ROOM = Event(
    "Warning",
    Reason.OBJECT_TOO_LARGE,
    "The API server refuses the operator's writes to this AgentRun as too large: spec and metadata "
    "leave no room for finalizer and status. Create it with a smaller spec.input, or with fewer "
    "labels and annotations.",
)


class Executor:
    def __init__(self, kube: Kube, intake: Intake) -> None:
        self._kube = kube
        self._intake = intake

    async def apply(self, view: View, plan: Plan) -> Object | None:
        """Returns the run as it was last written, if it was.

        Raises ApiError (409, 422) if the run has changed since, JobRefusedError if refused.
        """
        run: Object | None = None
        for action in plan.actions:
            run = await self._act(view, action, _version(view, run)) or run
        if plan.status is not None and plan.status != view.run.status:
            run = await self._write_status(view, plan.status, _version(view, run))
        for event in plan.events:
            await events.post(self._kube, view.run, event)
        return run

    async def _act(self, view: View, action: Action, version: str) -> Object | None:
        """Returns the run if the action writes it. ``version``: the run's resourceVersion."""
        kube, meta = self._kube, view.run.metadata
        namespace, name = meta.namespace, meta.name
        match action:
            case Enqueue():
                return await self._patch_run(view, version, **_place(view.run))
            case AddFinalizer():
                finalizers = [*meta.finalizers, FINALIZER]
                place = {} if view.run.spec.thread is None else _place(view.run)
                return await self._patch_run(view, version, finalizers=finalizers, **place)
            case RemoveFinalizer():
                rest = [f for f in meta.finalizers if f != FINALIZER]
                return await self._patch_run(view, version, finalizers=rest)
            case CreateJob():
                await self._create_job(view)
            case ForbidRetries(job, uid):
                patch = {"metadata": {"uid": uid}, "spec": {"backoffLimit": 0}}
                await self._patch_if_there("jobs", namespace, job, patch)
            case StopPod(pod, uid):
                patch = {"metadata": {"uid": uid}, "spec": {"activeDeadlineSeconds": STOP_DEADLINE}}
                await self._patch_if_there("pods", namespace, pod, patch)
            case DeletePod(pod, uid, grace):
                await kube.delete("pods", namespace, pod, uid, grace_seconds=grace)
            case ShortenStop():
                await shorten(kube, view, action)
            case DeleteJob(job, uid):
                await kube.delete("jobs", namespace, job, uid)
            case DeleteRun():
                await kube.delete("agentruns", namespace, name, meta.uid)
            case CancelRun(rival, uid, cancel, reason):
                spec = {"cancel": cancel, "cancelReason": reason}
                patch = {"metadata": {"uid": uid}, "spec": spec}
                await self._patch_if_there("agentruns", namespace, rival, patch)
            case Unwatch(plural, left, uid):
                patch = {"metadata": {"uid": uid, "labels": {LABEL_FINISHED: "true"}}}
                await self._patch_if_there(plural, namespace, left, patch)
            case RequestCleanup(claim_name):
                self._intake.request_cleanup(namespace, claim_name)
        return None

    async def _patch_run(self, view: View, version: str, **metadata: object) -> Object:
        meta = view.run.metadata
        patch = {"metadata": {"resourceVersion": version, **metadata}}
        request = self._kube.merge_patch("agentruns", meta.namespace, meta.name, patch)
        return await self._written(view, request)

    async def _create_job(self, view: View) -> None:
        assert view.agent is not None
        assert not view.run.trimmed  # the Job carries the input
        job = run_job(view.run, view.agent, view.installation)
        namespace = view.run.metadata.namespace
        try:
            self._intake.learn("jobs", await self._kube.create("jobs", namespace, job))
        except ApiError as error:
            if error.status == 409:
                return  # it exists: the watch, or the next look, shows whose it is
            if error.is_refusal and not error.namespace_is_terminating:
                raise JobRefusedError(error.message) from error
            raise

    async def _patch_if_there(self, plural: str, namespace: str, name: str, patch: Object) -> None:
        """Patch just the object with that UID. If it is gone, so is what had to be stopped."""
        try:
            self._intake.learn(plural, await self._kube.merge_patch(plural, namespace, name, patch))
        except ApiError as error:
            has_finished = plural == "agentruns" and error.status == 422  # by a rule of the CRD
            if error.status not in (404, 409) and not has_finished:
                raise

    async def _write_status(self, view: View, status: AgentRunStatus, version: str) -> Object:
        meta = view.run.metadata
        body = status.model_dump(mode="json", by_alias=True, exclude_none=True)
        request = self._kube.replace_status("agentruns", meta.namespace, meta.name, body, version)
        return await self._written(view, request)

    async def _written(self, view: View, request: Awaitable[Object]) -> Object:
        """The run as the write leaves it. The status cannot say that there is no room for one."""
        try:
            run = await request
        except ApiError as error:
            if error.is_too_large:
                await events.post(self._kube, view.run, _NO_ROOM)
            raise
        self._intake.learn("agentruns", run)
        return run


def _version(view: View, written: Object | None) -> str:
    """The resourceVersion of the run that the plan is for, or of the last write to it."""
    if written is None:
        return view.run.metadata.resource_version
    return str(written["metadata"]["resourceVersion"])


def _place(run: AgentRun) -> dict[str, object]:
    """Metadata with the run's place in the queue of its thread; what is written down stays."""
    if run.queued is not None:
        return {}
    return {"annotations": {ANNOTATION_QUEUED: run.metadata.resource_version}}
