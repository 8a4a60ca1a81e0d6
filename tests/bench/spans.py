"""What happens between the moments that are measured, in the order in which it has to."""

from bench.audited import OPERATOR
from bench.lives import Kind, Moment
from bench.steps import Span, Step

JOBS = "system:serviceaccount:kube-system:job-controller"
GARBAGE = "system:serviceaccount:kube-system:generic-garbage-collector"
SCHEDULER = "system:kube-scheduler"
KUBELET = "system:node:"
CLEANUP = "agentrun-cleanup-"  # how the names of clean-up Jobs begin

POD_MADE = Step("the Job controller creates the pod", JOBS, "create", "pods")
POD_BOUND = Step("the scheduler binds it", SCHEDULER, "create", "pods/binding")
POD_RUNS = Step("the kubelet reports that it runs", KUBELET, "patch", "pods/status", "{}-")
POD_ENDED = Step("the kubelet reports that it ended", KUBELET, "patch", "pods/status", "{}-")
STOP = Step("the operator lowers the pod's deadline", OPERATOR, "patch", "pods")

SPANS = (
    Span(
        "create to Running",
        Kind.INTERRUPTED,
        Moment.CREATE_SENT,
        Moment.RUNNING,
        (
            Step("the operator claims the run", OPERATOR, "patch", "agentruns"),
            Step("it creates the Job", OPERATOR, "create", "jobs"),
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
            Step("the operator creates the clean-up Job", OPERATOR, "create", "jobs"),
            POD_MADE,
            POD_BOUND,
            Step(POD_ENDED.label, KUBELET, "patch", "pods/status", CLEANUP),
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
