"""What is kept of an object: read once when it arrives, and no more than decisions need.

Users decide how large their objects are, so no input, no pod template and no annotation of theirs
stays in memory. What carries a plan out reads what it needs from the API server.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from agentrun_kube.names import (
    ANNOTATION_CLAIM,
    ANNOTATION_CLEANUP_RUNS,
    COMPONENT_CLEANUP,
    LABEL_COMPONENT,
    LABEL_FINISHED,
    LABEL_JOB,
    LABEL_RUN,
    LABEL_RUN_UID,
    LABEL_THREAD,
)
from agentrun_kube.objects import Object
from agentrun_kube.v1alpha1.agent import Agent
from agentrun_kube.v1alpha1.agent_run import AgentRun

from ..facts.jobs import JobFacts, job_facts
from ..facts.objects import is_of_agent, kept_metadata, labels, maker, may_be_made_for, owner_uid
from ..facts.pods import PodFacts, pod_facts
from ..facts.runs import kept_agent, kept_run

# Of labels and annotations of clean-ups, none but these are kept, and no value longer than this.
KEPT_LABELS = (LABEL_COMPONENT, LABEL_FINISHED, LABEL_JOB, LABEL_RUN, LABEL_RUN_UID)
KEPT_ANNOTATIONS = (ANNOTATION_CLAIM, ANNOTATION_CLEANUP_RUNS)
LONGEST_OF_CLEANUP = 32 * 1024  # a clean-up Job of ours names 40 runs


@dataclass(frozen=True)
class Record:
    """An object as the cache keeps it."""

    plural: str
    namespace: str
    name: str
    uid: str
    version: int


@dataclass(frozen=True)
class RunRecord(Record):
    run: AgentRun


@dataclass(frozen=True)
class AgentRecord(Record):
    agent: Agent


@dataclass(frozen=True)
class PodRecord(Record):
    facts: PodFacts
    of_agent: bool
    run_name: str  # by its label; empty of a pod that another controller has made
    made_by: tuple[str, str] | None  # kind and name of what controls it
    thread: str
    job_name: str
    owner_uid: str | None
    cleanup: Object | None  # what cleanup_facts.py reads, of a clean-up's pod


@dataclass(frozen=True)
class JobRecord(Record):
    facts: JobFacts
    of_agent: bool
    run_name: str
    claim: str | None  # that it cleans
    cleanup: Object | None  # what cleanup_facts.py reads, of a clean-up Job


def record(plural: str, obj: Object) -> Record:
    """What is kept of the object."""
    return _READERS[plural](obj)


def _identity(plural: str, obj: Object) -> dict[str, Any]:
    meta = obj["metadata"]
    return {
        "plural": plural,
        "namespace": meta["namespace"],
        "name": meta["name"],
        "uid": meta["uid"],
        # Comparing resource versions as numbers is what the API promises since Kubernetes 1.35:
        # https://kubernetes.io/docs/reference/using-api/api-concepts/#resource-versions
        "version": int(meta["resourceVersion"]),
    }


def _run_record(obj: Object) -> RunRecord:
    return RunRecord(**_identity("agentruns", obj), run=kept_run(obj))


def _agent_record(obj: Object) -> AgentRecord:
    return AgentRecord(**_identity("agents", obj), agent=kept_agent(obj))


def pod_record(obj: Object, log: str | None = None) -> PodRecord:
    """``log``: the last lines of the agent's log, if they were read."""
    named = labels(obj)
    run_name, made_by = named.get(LABEL_RUN, ""), maker(obj)
    return PodRecord(
        **_identity("pods", obj),
        facts=pod_facts(obj, log),
        of_agent=is_of_agent(obj),
        run_name=run_name if may_be_made_for(made_by, run_name) else "",
        made_by=made_by,
        thread=named.get(LABEL_THREAD, ""),
        job_name=named.get(LABEL_JOB, ""),
        owner_uid=owner_uid(obj),
        cleanup=_of_cleanup(obj),
    )


def _job_record(obj: Object) -> JobRecord:
    cleanup = _of_cleanup(obj)
    claim = None if cleanup is None else cleanup["metadata"]["annotations"].get(ANNOTATION_CLAIM)
    return JobRecord(
        **_identity("jobs", obj),
        facts=job_facts(obj),
        of_agent=is_of_agent(obj),
        run_name=labels(obj).get(LABEL_RUN, ""),
        claim=claim,
        cleanup=cleanup,
    )


_READERS: dict[str, Callable[[Object], Record]] = {
    "agentruns": _run_record,
    "agents": _agent_record,
    "jobs": _job_record,
    "pods": pod_record,
}


def _of_cleanup(obj: Object) -> Object | None:
    if labels(obj).get(LABEL_COMPONENT) != COMPONENT_CLEANUP:
        return None
    metadata = kept_metadata(obj["metadata"], KEPT_LABELS, KEPT_ANNOTATIONS, LONGEST_OF_CLEANUP)
    spec = {key: obj["spec"][key] for key in _KEPT_OF_SPEC if key in obj["spec"]}
    return {"metadata": metadata, "spec": spec, "status": obj.get("status") or {}}


_KEPT_OF_SPEC = ("nodeName", "schedulerName", "suspend")
