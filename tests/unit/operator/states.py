"""Builders of the states that decisions are made from. Each argument is one fact of the state."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

from agentrun_kube.names import ANNOTATION_QUEUED, FINALIZER
from agentrun_kube.termination_report import TerminationReport
from agentrun_kube.v1alpha1.agent import Agent
from agentrun_kube.v1alpha1.agent_run import AgentRun
from agentrun_kube.vocabulary import FINAL_PHASES, Phase
from agentrun_operator.facts.jobs import JobFacts
from agentrun_operator.facts.pods import PodFacts
from agentrun_operator.installation import Installation
from agentrun_operator.runs.view import ThreadView, View

NOW = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
CREATED = NOW - timedelta(minutes=1)
UID = "11111111-1111-4111-8111-111111111111"

CANCELLED_BY = {
    "manager": "kubectl-patch",
    "time": "2026-01-02T03:04:00Z",
    "fieldsV1": {"f:spec": {"f:cancel": {}}},
}


def run(
    name: str = "r",
    *,
    uid: str = UID,
    thread: str | None = "t",
    cancel: str | None = None,
    has_finalizer: bool = False,
    holds: bool | None = None,  # its thread; by default, if it has the finalizer and has not ended
    deleting: bool = False,
    finalizers: tuple[str, ...] = (),
    created: datetime = CREATED,
    version: int = 1,
    queued: int | None = 1,
    phase: Phase = Phase.PENDING,
    spec_more: dict[str, Any] | None = None,
    meta_more: dict[str, Any] | None = None,
    cancel_status: dict[str, Any] | None = None,
    **status: Any,
) -> AgentRun:
    spec: dict[str, Any] = {"agentRef": {"name": "a"}, "input": {}}
    if thread is not None:
        spec["thread"] = thread
    if cancel is not None:
        spec["cancel"] = cancel
    spec |= spec_more or {}
    if holds is None:
        holds = has_finalizer and thread is not None and phase not in FINAL_PHASES
    if "jobName" in status:
        status.setdefault("jobUid", "job-uid")
    if holds:  # written down before the Job is made
        before = {"holdsThread": True, "jobName": name, "claimName": "agentrun-store"}
        status = before | {"segment": f"000001-{uid}"} | status
    return AgentRun.model_validate(
        {
            "metadata": {
                "name": name,
                "namespace": "ns",
                "uid": uid,
                "resourceVersion": str(version),
                "annotations": {} if queued is None else {ANNOTATION_QUEUED: str(queued)},
                "generation": 1,
                "creationTimestamp": created,
                "deletionTimestamp": NOW if deleting else None,
                "finalizers": (*finalizers, FINALIZER) if has_finalizer else finalizers,
                "managedFields": [CANCELLED_BY] if cancel else [],
            }
            | (meta_more or {}),
            "spec": spec,
            "status": {"phase": phase, "cancel": cancel_status, **status},
        }
    )


def agent() -> Agent:
    return Agent.model_validate(
        {
            "metadata": {
                "name": "a",
                "namespace": "ns",
                "uid": "a" * 8,
                "creationTimestamp": CREATED,
            },
            "spec": {"runtime": {"langgraph": {"graph": "m:g"}}},
        }
    )


def job(
    *,
    owner: str | None = UID,
    finished: bool = False,
    deleting: bool = False,
    backoff_limit: int = 0,
    retries: int | None = None,
    deadline_exceeded: bool = False,
    suspended: bool = False,
    started_at: datetime | None = None,
    watched: bool = True,
) -> JobFacts:
    return JobFacts(
        name="r",
        uid="job-uid",
        created_at=NOW,
        owner_uid=owner,
        made_for=owner,
        deleting=deleting,
        finished=finished,
        suspended=suspended,
        started_at=started_at,
        deadline_exceeded=deadline_exceeded,
        backoff_limit=backoff_limit,
        retries=backoff_limit if retries is None else retries,
        fatal_exit_codes=frozenset({2}),
        claim_name="agentrun-store",
        watched=watched,
    )


PENDING_POD = PodFacts(
    name="r-abc",
    uid="pod-uid",
    run_uid=UID,
    instance=None,
    job_uid="job-uid",
    phase="Pending",
    created_at=NOW,
    reason="",
    message="",
    node=None,
    deleting=False,
    deletion_grace=None,
    deletion_at=None,
    tracked=True,
    has_started=False,
    container_runs=False,
    agent_started_at=None,
    unready=False,
    deadline=None,
    grace_seconds=30,
    disruption="",
    overuse="",
    scheduler="default-scheduler",
    scheduler_looked=False,
    scheduling_message="",
    waiting_reason="",
    waiting_message="",
    lingering=(),
    init_failure="",
    no_start="",
    exit_code=None,
    exit_reason="",
    supervised=True,
    report=None,
    report_cut=False,
    watched=True,
)
RUNNING_POD = replace(
    PENDING_POD, phase="Running", node="n1", has_started=True, agent_started_at=CREATED
)
SIGNALLED_POD = replace(RUNNING_POD, deadline=1)
STOPPED_POD = replace(SIGNALLED_POD, phase="Failed", reason="DeadlineExceeded", exit_code=143)
SUCCEEDED_POD = replace(RUNNING_POD, phase="Succeeded", exit_code=0, watched=False)
FAILED_POD = replace(RUNNING_POD, phase="Failed", exit_code=1)


def said(pod: PodFacts, result: str, **more: Any) -> PodFacts:
    """The pod with a report of its runner."""
    return replace(pod, report=TerminationReport.model_validate({"result": result, **more}))


def thread(this: AgentRun, *rivals: AgentRun, **more: Any) -> ThreadView:
    """What a run sees of its thread beside these other runs."""
    has_it = [
        r for r in rivals if r.holds_thread or (r.finished and r.deleting and r.has_finalizer)
    ]
    waiting = [r for r in rivals if not r.finished and r not in has_it and r.order < this.order]
    waiting.sort(key=lambda rival: rival.order)
    return ThreadView(tuple(has_it), waiting[-1] if waiting else None, tuple(waiting), **more)


def view(this: AgentRun, rivals: tuple[AgentRun, ...] = (), **facts: Any) -> View:
    defaults: dict[str, Any] = {
        "agent": agent(),
        "job": None,
        "pods": (),
        "gone_pods": (),
        "thread": thread(this, *rivals),
        "cleanup": None,
        "namespace_terminating": False,
        "unreachable_nodes": frozenset(),
        "now": NOW,
        "installation": Installation("runner:1"),
    }
    return View(run=this, **(defaults | facts))
