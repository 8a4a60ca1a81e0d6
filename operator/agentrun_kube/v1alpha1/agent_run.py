"""An AgentRun: one run of an agent."""

from datetime import datetime
from typing import Any

from pydantic import Field

from ..names import (
    ANNOTATION_QUEUED,
    FINALIZER,
    GIT_ANNOTATIONS,
    GIT_LABELS,
    LABEL_INSTANCE,
)
from ..text import whole_number
from ..vocabulary import FINAL_PHASES, MultitaskStrategy, Phase, ReclaimPolicy
from ..vocabulary import Cancel as CancelAction
from .base import ConditionStatus, Metadata, Model, NameRef, Time


class RunConfig(Model):
    recursion_limit: int | None = None
    configurable: dict[str, Any] | None = None


class CheckpointRef(Model):
    id: str


class AgentRunSpec(Model):
    agent_ref: NameRef
    thread: str | None = None
    # JSON null is an input too; whether there is one at all says `has_input`.
    input: Any = None
    resume: Any = None  # likewise, see `has_resume`
    checkpoint: CheckpointRef | None = None
    config: RunConfig | None = None
    multitask_strategy: MultitaskStrategy | None = None
    timeout_seconds: int | None = None
    retries: int | None = None
    ttl_seconds_after_finished: int | None = None
    reclaim_policy: ReclaimPolicy = ReclaimPolicy.RETAIN
    grace_period_seconds: int | None = None
    cancel: CancelAction | None = None
    cancel_reason: str | None = None
    cancel_grace_period_seconds: int | None = None

    @property
    def has_input(self) -> bool:
        return "input" in self.model_fields_set

    @property
    def has_resume(self) -> bool:
        return "resume" in self.model_fields_set


class CheckpointStatus(Model):
    id: str | None = None
    count: int | None = Field(default=None, ge=0, lt=2**63)


class CancelStatus(Model):
    action: str | None = None
    reason: str | None = None
    by: str | None = None
    requested_at: Time | None = None
    signalled_at: Time | None = None
    gone_at: Time | None = None
    clean_at: Time | None = None
    checkpoints_deleted: int | None = None
    forced: bool | None = None


class AgentRunStatus(Model):
    phase: Phase = Phase.PENDING
    observed_generation: int | None = None
    conditions: tuple[ConditionStatus, ...] = ()
    started_at: Time | None = None
    last_started_at: Time | None = None
    finished_at: Time | None = None
    attempts: int | None = None
    expires_at: Time | None = None
    settled: bool | None = None
    holds_thread: bool | None = None
    segment: str | None = None
    job_name: str | None = None
    job_uid: str | None = None
    pod_name: str | None = None
    claim_name: str | None = None
    checkpoint: CheckpointStatus | None = None
    output: Any = None
    output_truncated: bool | None = None
    interrupts: tuple[dict[str, Any], ...] | None = None
    cancel: CancelStatus | None = None


class AgentRun(Model):
    metadata: Metadata
    spec: AgentRunSpec
    status: AgentRunStatus = Field(default_factory=AgentRunStatus)

    # Of the spec as it was read, also where what is large has been left out (records.py): bytes in
    # JSON, and levels of nesting.
    spec_bytes: int = 0
    spec_depth: int = 0
    annotation_bytes: int = 0  # of all annotations as they were read, keys and values
    trimmed: bool = False
    output_dropped: bool = False  # so that its status may not be written as it is here

    @property
    def finished(self) -> bool:
        return self.status.phase in FINAL_PHASES

    @property
    def deleting(self) -> bool:
        return self.metadata.deletion_timestamp is not None

    @property
    def has_finalizer(self) -> bool:
        return FINALIZER in self.metadata.finalizers

    @property
    def queued(self) -> int | None:
        """Its place among the runs of its thread, once that is written down."""
        return whole_number(self.metadata.annotations.get(ANNOTATION_QUEUED, ""))

    @property
    def instance(self) -> str | None:
        """Which operator works on it; None: the one without an instance id."""
        return self.metadata.labels.get(LABEL_INSTANCE)

    @property
    def order(self) -> tuple[datetime, int, str]:
        """Runs of a thread go in the order of their creation.

        The API server tells it in whole seconds. Within one, resourceVersions tell it: they count
        the changes of all runs, so long as nothing but its creation has changed a run.
        """
        meta = self.metadata
        place = int(meta.resource_version) if self.queued is None else self.queued
        return meta.creation_timestamp, place, meta.name

    @property
    def holds_thread(self) -> bool:
        """Whether its status says that the thread is its own."""
        return self.status.holds_thread is True

    @property
    def seq(self) -> int:
        """Place of its segment among those of its thread; 0 if it has none."""
        return whole_number((self.status.segment or "").partition("-")[0]) or 0

    @property
    def reclaims(self) -> bool:
        """Whether deleting the run deletes its checkpoints."""
        # A stateless run has a thread of its own, which is gone when the run is.
        return self.spec.reclaim_policy == ReclaimPolicy.DELETE or self.spec.thread is None

    @property
    def managed_from_git(self) -> bool:
        """Whether some tool would apply the run again if it were removed, so that it ran again."""
        meta = self.metadata
        return any(a in meta.annotations for a in GIT_ANNOTATIONS) or any(
            label in meta.labels for label in GIT_LABELS
        )

    @property
    def segment(self) -> str:
        """The run's segment of the store; with a thread, the operator has written it down."""
        return self.status.segment or f"000001-{self.metadata.uid}"

    @property
    def thread_directory(self) -> str:
        """Directory of the run's thread, relative to the root of the store."""
        if self.spec.thread is None:
            return f"stateless/{self.metadata.uid}"
        return f"threads/{self.spec.thread}"
