"""What happens between the moments that are measured, in the order in which it has to."""

from bench.audited import GARBAGE, JOBS, KUBELET, OPERATOR
from bench.life import Kind, Moment
from bench.steps import (
    CLEANUP_CREATED,
    CLEANUP_ENDED,
    JOB_CREATED,
    POD_BOUND,
    POD_ENDED,
    POD_MADE,
    POD_RUNS,
    RUN_CLAIMED,
    Span,
    Step,
)

STOP = Step("the operator lowers the pod's deadline", OPERATOR, "patch", "pods")

SPANS = (
    Span(
        "create to Running",
        Kind.INTERRUPTED,
        Moment.CREATE_SENT,
        Moment.RUNNING,
        (
            RUN_CLAIMED,
            JOB_CREATED,
            POD_MADE,
            POD_BOUND,
            POD_RUNS,
            Step("the operator writes Running", OPERATOR, "patch", "agentruns/status"),
        ),
    ),
    Span(
        "raw Job: create to container running",
        Kind.RAW,
        Moment.CREATE_SENT,
        Moment.RUNNING,
        (POD_MADE, POD_BOUND, POD_RUNS),
    ),
    Span(
        "cancel to Interrupted",
        Kind.INTERRUPTED,
        Moment.STOP_SENT,
        Moment.ENDED,
        (
            STOP,
            POD_ENDED,
            Step("the operator takes its finalizer off", OPERATOR, "patch", "agentruns"),
            Step("it writes Interrupted", OPERATOR, "patch", "agentruns/status"),
        ),
    ),
    Span(
        "raw Job: delete, in the foreground",
        Kind.RAW,
        Moment.STOP_SENT,
        Moment.ENDED,
        (
            Step("the garbage collector deletes the pod", GARBAGE, "delete", "pods"),
            Step("the kubelet removes it", KUBELET, "delete", "pods"),
            Step("the garbage collector removes the Job", GARBAGE, "patch", "jobs"),
        ),
    ),
    Span(
        "rollback: patch to record gone",
        Kind.ROLLED_BACK,
        Moment.STOP_SENT,
        Moment.ENDED,
        (
            STOP,
            POD_ENDED,
            CLEANUP_CREATED,
            POD_MADE,
            POD_BOUND,
            CLEANUP_ENDED,
            Step("the operator deletes the record", OPERATOR, "delete", "agentruns"),
        ),
    ),
    Span(
        "idle Job: create to Complete",
        Kind.RAW_CLEANUP,
        Moment.CREATE_SENT,
        Moment.ENDED,
        (
            POD_MADE,
            POD_BOUND,
            POD_ENDED,
            Step("the Job controller writes Complete", JOBS, "update", "jobs/status"),
        ),
    ),
)
