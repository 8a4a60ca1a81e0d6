"""Values of the API's fields: phases, cancel actions, strategies, condition types, reasons."""

from enum import StrEnum


class Phase(StrEnum):
    PENDING = "Pending"
    RUNNING = "Running"
    CANCELLING = "Cancelling"
    SUCCEEDED = "Succeeded"
    FAILED = "Failed"
    TIMED_OUT = "TimedOut"
    INTERRUPTED = "Interrupted"
    ROLLED_BACK = "RolledBack"


FINAL_PHASES = frozenset(
    {Phase.SUCCEEDED, Phase.FAILED, Phase.TIMED_OUT, Phase.INTERRUPTED, Phase.ROLLED_BACK}
)


class Cancel(StrEnum):
    INTERRUPT = "interrupt"
    ROLLBACK = "rollback"


class MultitaskStrategy(StrEnum):
    ENQUEUE = "enqueue"
    REJECT = "reject"
    INTERRUPT = "interrupt"
    ROLLBACK = "rollback"


class ReclaimPolicy(StrEnum):
    RETAIN = "Retain"
    DELETE = "Delete"


class Condition(StrEnum):
    STARTED = "Started"
    STOPPED = "Stopped"
    ROLLED_BACK = "RolledBack"
    CANCEL_TOO_LATE = "CancelTooLate"
    WAITING_FOR_INPUT = "WaitingForInput"
    FINISHED = "Finished"


class Reason(StrEnum):
    """Reasons of conditions and Events. The runner's own reasons (of a Failed run) join them."""

    # Started=False: what the run waits for
    AGENT_NOT_FOUND = "AgentNotFound"
    THREAD_BUSY = "ThreadBusy"
    POD_TEMPLATE_REFUSED = "PodTemplateRefused"
    JOB_NAME_TAKEN = "JobNameTaken"
    JOB_REJECTED = "JobRejected"
    POD_REJECTED = "PodRejected"
    POD_PREPARING = "PodPreparing"
    CLAIM_NOT_FOUND = "ClaimNotFound"
    UNSCHEDULABLE = "Unschedulable"
    IMAGE_PULL_FAILED = "ImagePullFailed"
    CONTAINER_REJECTED = "ContainerRejected"
    SCHEDULER_SILENT = "SchedulerSilent"
    QUEUED = "Queued"
    PREEMPTED = "Preempted"  # also of a pod that still runs: Started=True
    NEVER_STARTED = "NeverStarted"
    # Started=True
    AGENT_STARTED = "AgentStarted"
    POD_LINGERS = "PodLingers"
    # Started=True and Stopped=False
    NODE_UNREACHABLE = "NodeUnreachable"
    # Stopped and RolledBack
    WAITING_FOR_POD = "WaitingForPod"
    KUBELET_SILENT = "KubeletSilent"
    POD_TERMINATED = "PodTerminated"
    POD_GONE = "PodGone"
    POD_GIVEN_UP = "PodGivenUp"
    POD_NEVER_SCHEDULED = "PodNeverScheduled"
    NO_POD = "NoPod"
    CLEANUP_PENDING = "CleanupPending"
    CLEANUP_FAILED = "CleanupFailed"
    # Finished, and Events
    CANCELLING = "Cancelling"
    SUCCEEDED = "Succeeded"
    TIMED_OUT = "TimedOut"
    INTERRUPTED = "Interrupted"
    ROLLED_BACK = "RolledBack"
    RETRYING = "Retrying"
    GRACE_PERIOD_CAPPED = "GracePeriodCapped"
    INTERRUPT = "Interrupt"
    EXPIRED = "Expired"
    CANCEL_TOO_LATE = "CancelTooLate"
    NAME_TOO_LONG = "NameTooLong"
    INPUT_TOO_LARGE = "InputTooLarge"
    INPUT_TOO_DEEP = "InputTooDeep"
    ANNOTATIONS_TOO_LARGE = "AnnotationsTooLarge"
    OBJECT_TOO_LARGE = "ObjectTooLarge"
    JOB_LOST = "JobLost"
    AGENT_FAILED = "AgentFailed"
    OUT_OF_MEMORY = "OutOfMemory"
    EVICTED = "Evicted"
    STOPPED_FROM_OUTSIDE = "StoppedFromOutside"
    # Events on the operator's Deployment
    ADMISSION_POLICY_MISSING = "AdmissionPolicyMissing"
