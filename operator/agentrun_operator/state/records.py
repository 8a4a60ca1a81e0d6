"""What is kept of an object, and whom its changes concern: one class for each watched kind.

An object is read once, when it arrives, and no more of it is kept than decisions need.

Users decide how large their objects are, so no input, no pod template and no annotation of theirs
stays in memory. What carries a plan out reads what it needs from the API server.
"""

from collections.abc import Hashable, Iterable
from dataclasses import dataclass
from typing import Any, Protocol

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
from agentrun_kube.vocabulary import Phase

from ..facts.cleanups import cleanup_runs
from ..facts.jobs import JobFacts, job_facts
from ..facts.objects import is_of_agent, kept_metadata, labels, maker, may_be_made_for, owner_uid
from ..facts.pods import PodFacts, pod_facts
from ..facts.runs import awaits_cleanup, kept_agent, kept_run
from .thread_index import ThreadIndex
from .workqueue import Key, Reconciler

# Of labels and annotations of clean-ups, none but these are kept, and no value longer than this.
KEPT_LABELS = (LABEL_COMPONENT, LABEL_FINISHED, LABEL_JOB, LABEL_RUN, LABEL_RUN_UID)
KEPT_ANNOTATIONS = (ANNOTATION_CLAIM, ANNOTATION_CLEANUP_RUNS)
LONGEST_OF_CLEANUP = 32 * 1024  # a clean-up Job of ours names 40 runs


Index = tuple[Hashable, ...]


class Known(Protocol):
    """What a record looks up to tell whom it concerns: the cache."""

    @property
    def threads(self) -> ThreadIndex: ...

    def job(self, namespace: str, name: str) -> "JobRecord | None": ...

    def find(self, *index: Hashable) -> "list[Record]": ...


@dataclass(frozen=True)
class Record:
    """An object as the cache keeps it."""

    plural: str
    namespace: str
    name: str
    uid: str
    version: int

    def indexes(self) -> list[Index]:
        """By what the cache finds it, beside its name."""
        return []

    def own_keys(self, _: Known, /) -> set[Key]:
        """The keys of the work queue that say what to do about the object itself."""
        return set()

    def is_news(self, _before: "Record", /) -> bool:
        """Whether the change from that earlier record concerns the own keys."""
        return True

    def waiting(self, _old: "Record | None", _new: "Record | None", _known: Known, /) -> set[str]:
        """Names of other runs that waited for this change; the record is the new or the old."""
        return set()


@dataclass(frozen=True)
class RunRecord(Record):
    run: AgentRun

    def indexes(self) -> list[Index]:
        keys: list[Index] = []
        run, space = self.run, self.namespace
        if run.status.claim_name is not None and awaits_cleanup(run):
            keys.append(("runs of claim", space, run.status.claim_name))
        if run.status.phase == Phase.PENDING:  # later, what the Agent says changes nothing
            keys.append(("runs of agent", space, run.spec.agent_ref.name))
        return keys

    def own_keys(self, _: Known, /) -> set[Key]:
        return {Key(Reconciler.RUN, self.namespace, self.name)}

    def is_news(self, before: Record, /) -> bool:
        """Not if only the text of messages differs: decisions look at nothing else of a status.

        Otherwise a refusal with a new text each time, of a webhook that numbers its answers, would
        be retried at once, without end.
        """
        assert isinstance(before, RunRecord)
        return _without_texts(before.run) != _without_texts(self.run)

    def waiting(self, old: Record | None, new: Record | None, known: Known, /) -> set[str]:
        return known.threads.change(_run_of(old), _run_of(new))


@dataclass(frozen=True)
class AgentRecord(Record):
    agent: Agent

    def waiting(self, _old: Record | None, _new: Record | None, known: Known, /) -> set[str]:
        return {found.name for found in known.find("runs of agent", self.namespace, self.name)}


@dataclass(frozen=True)
class PodRecord(Record):
    facts: PodFacts
    of_agent: bool
    run_name: str  # by its label; empty of a pod that another controller has made
    made_by: tuple[str, str] | None  # kind and name of what controls it
    thread: str
    job_name: str
    owner_uid: str | None
    cleanup: Object | None  # what facts/cleanups.py reads, of a clean-up's pod

    def indexes(self) -> list[Index]:
        keys: list[Index] = [("pods of run", self.facts.run_uid), ("pods of job", self.owner_uid)]
        if self.of_agent and self.run_name:
            keys.append(("pods named for", self.namespace, self.run_name))
        if self.of_agent and self.thread:
            keys.append(("pods on thread", self.namespace, self.thread))
        return keys

    def own_keys(self, known: Known, /) -> set[Key]:
        if self.cleanup is not None:
            job = known.job(self.namespace, self.job_name)
            return set() if job is None else job.own_keys(known)
        return {Key(Reconciler.RUN, self.namespace, self.run_name)} if self.run_name else set()

    def waiting(self, old: Record | None, new: Record | None, known: Known, /) -> set[str]:
        if not (self.thread and self.of_agent):
            return set()
        ended = isinstance(old, PodRecord) and old.facts.alive
        ended = ended and not (isinstance(new, PodRecord) and new.facts.alive)
        return known.threads.head(self.namespace, self.thread) if ended else set()


@dataclass(frozen=True)
class JobRecord(Record):
    facts: JobFacts
    of_agent: bool
    run_name: str
    claim: str | None  # that it cleans
    cleanup: Object | None  # what facts/cleanups.py reads, of a clean-up Job

    def indexes(self) -> list[Index]:
        return [] if self.claim is None else [("cleanups", self.namespace, self.claim)]

    def own_keys(self, _: Known, /) -> set[Key]:
        names = [self.run_name] if self.run_name else []
        claims: set[Key] = set()
        if self.cleanup is not None:
            names = list(cleanup_runs(self.cleanup).values())
            if self.claim is not None:
                claims = {Key(Reconciler.CLEANUP, self.namespace, self.claim)}
        return claims | {Key(Reconciler.RUN, self.namespace, name) for name in names}


def _run_of(record: Record | None) -> AgentRun | None:
    return record.run if isinstance(record, RunRecord) else None


def _without_texts(run: AgentRun) -> AgentRun:
    has_place = run.spec.thread is None or run.queued is not None  # else its version is its place
    version = "" if has_place else run.metadata.resource_version
    metadata = run.metadata.model_copy(update={"resource_version": version})
    conditions = tuple(c.model_copy(update={"message": ""}) for c in run.status.conditions)
    status = run.status.model_copy(update={"conditions": conditions})
    return run.model_copy(update={"metadata": metadata, "status": status})


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


def run_record(obj: Object) -> RunRecord:
    return RunRecord(**_identity("agentruns", obj), run=kept_run(obj))


def agent_record(obj: Object) -> AgentRecord:
    return AgentRecord(**_identity("agents", obj), agent=kept_agent(obj))


def pod_record(obj: Object, log: str | None = None) -> PodRecord:
    """``log``: the last lines of the agent's log, if they were read."""
    named, facts = labels(obj), pod_facts(obj, log)
    made_by = maker(obj)
    return PodRecord(
        **_identity("pods", obj),
        facts=facts,
        of_agent=is_of_agent(obj),
        run_name=_run_name(named.get(LABEL_RUN, ""), made_by, facts),
        made_by=made_by,
        thread=named.get(LABEL_THREAD, ""),
        job_name=named.get(LABEL_JOB, ""),
        owner_uid=owner_uid(obj),
        cleanup=_of_cleanup(obj),
    )


def _run_name(label: str, made_by: tuple[str, str] | None, facts: PodFacts) -> str:
    """The run that looks after the pod; empty if another controller has made it."""
    if may_be_made_for(made_by, label):
        return label
    # A user has changed the label. Only an ended pod is trusted to its Job: it is just unwatched.
    kind, name = made_by or ("", "")
    return name if kind == "Job" and not facts.alive else ""


def pods_of_run(run: AgentRun, records: Iterable[PodRecord]) -> tuple[PodFacts, ...]:
    """Those that may be the run's, oldest first."""
    uid, name = run.metadata.uid, run.metadata.name
    mine = (
        pod.facts
        for pod in records
        if pod.facts.run_uid == uid and may_be_made_for(pod.made_by, name)
    )
    return tuple(sorted(mine, key=lambda pod: pod.created_at))


def job_record(obj: Object) -> JobRecord:
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


def _of_cleanup(obj: Object) -> Object | None:
    if labels(obj).get(LABEL_COMPONENT) != COMPONENT_CLEANUP:
        return None
    metadata = kept_metadata(obj["metadata"], KEPT_LABELS, KEPT_ANNOTATIONS, LONGEST_OF_CLEANUP)
    spec = {key: obj["spec"][key] for key in _KEPT_OF_SPEC if key in obj["spec"]}
    return {"metadata": metadata, "spec": spec, "status": obj.get("status") or {}}


_KEPT_OF_SPEC = ("nodeName", "schedulerName", "suspend")
