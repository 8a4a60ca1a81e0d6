"""What a decision wants done. One place, ``executor.py``, does it."""

from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from agentrun_kube.v1alpha1.agent_run import AgentRunStatus
from agentrun_kube.vocabulary import Cancel

from ..resources.event import Event


@dataclass(frozen=True)
class Enqueue:
    """Write down the run's place in the queue of its thread, before another write hides it."""


@dataclass(frozen=True)
class AddFinalizer:
    """Add the finalizer to the run: from now on it may have a Job. Enqueues it, too."""


@dataclass(frozen=True)
class CreateJob:
    """Make the run's Job."""


@dataclass(frozen=True)
class ForbidRetries:
    """Set the Job's backoffLimit to 0, so that no pod follows the one that is being stopped."""

    job: str
    uid: str


@dataclass(frozen=True)
class StopPod:
    """Lower the pod's activeDeadlineSeconds to 1: the kubelet stops it and keeps its object."""

    pod: str
    uid: str


@dataclass(frozen=True)
class DeletePod:
    """Delete a pod: one in which no container has started, or one that has to end sooner."""

    pod: str
    uid: str
    grace_seconds: int


@dataclass(frozen=True)
class ShortenStop:
    """Create a Job that tells the supervisor of a stopping pod to end sooner."""

    pod: str
    uid: str
    seconds: int


@dataclass(frozen=True)
class DeleteJob:
    """Delete a Job none of whose containers has started, with its pods."""

    job: str
    uid: str


@dataclass(frozen=True)
class CancelRun:
    """Set spec.cancel of another run on the thread (multitaskStrategy)."""

    run: str
    uid: str
    cancel: Cancel
    reason: str


@dataclass(frozen=True)
class RequestCleanup:
    """Queue the clean-up of the claim."""

    claim_name: str


@dataclass(frozen=True)
class Unwatch:
    """Label a finished Job or pod, so that it leaves the watch."""

    plural: Literal["jobs", "pods"]
    name: str
    uid: str


@dataclass(frozen=True)
class DeleteRun:
    """Remove the record of a run that is rolled back."""


@dataclass(frozen=True)
class RemoveFinalizer:
    """Remove the finalizer from the run: none of its pods is alive."""


Action = (
    Enqueue
    | AddFinalizer
    | CreateJob
    | ForbidRetries
    | StopPod
    | DeletePod
    | ShortenStop
    | DeleteJob
    | CancelRun
    | RequestCleanup
    | Unwatch
    | DeleteRun
    | RemoveFinalizer
)


@dataclass(frozen=True)
class Plan:
    """Actions in order, then the status if it differs, then the Events if all that went well.

    ``confirm`` marks what cannot be undone: the plan is carried out only if the same decision
    follows from objects read directly from the API server, not only from the cache: from the Job
    and the pods, and of a start from the run and its Agent, too. Writes to the run carry its
    resourceVersion, so they confirm it themselves.
    ``look_again_at`` is for what time alone will change.
    """

    actions: tuple[Action, ...] = ()
    status: AgentRunStatus | None = None
    events: tuple[Event, ...] = ()
    confirm: bool = False
    look_again_at: datetime | None = None
