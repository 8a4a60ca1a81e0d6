"""What is kept of an object: read once when it arrives, and no more than decisions need.

Users decide how large their objects are, so no input, no pod template and no annotation of theirs
stays in memory. What carries a plan out reads what it needs from the API server.
"""

import json
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

from .constants import (
    ANNOTATION_CLAIM,
    ANNOTATION_CLEANUP_RUNS,
    ANNOTATION_QUEUED,
    COMPONENT_CLEANUP,
    FINALIZER,
    GIT_ANNOTATIONS,
    GIT_LABELS,
    LABEL_COMPONENT,
    LABEL_FINISHED,
    LABEL_INSTANCE,
    LABEL_JOB,
    LABEL_RUN,
    LABEL_RUN_UID,
    LABEL_THREAD,
)
from .facts import (
    JobFacts,
    PodFacts,
    is_of_agent,
    job_facts,
    labels,
    maker,
    may_be_made_for,
    owner_uid,
    pod_facts,
)
from .models import Agent, AgentRun

Object = dict[str, Any]

KEPT_OF_RUN = (LABEL_INSTANCE, *GIT_LABELS)
# Of labels and annotations of clean-ups, none but these are kept, and no value longer than this.
KEPT_LABELS = (LABEL_COMPONENT, LABEL_FINISHED, LABEL_JOB, LABEL_RUN, LABEL_RUN_UID)
KEPT_ANNOTATIONS = (ANNOTATION_CLAIM, ANNOTATION_CLEANUP_RUNS)
LONGEST_OF_CLEANUP = 32 * 1024  # a clean-up Job of ours names 40 runs
LONGEST_OF_RUN = 64  # a number; of others', it only matters that they are there
MOST_MANAGERS = 10  # of spec.cancel, by metadata.managedFields
MOST_FINALIZERS = 10  # beside ours; a run that has as many is read again before they are written

# Specs beyond these are not carried into a pod (policy/start.py). The API server takes 256 KiB of
# annotations in all, and Python's reader some 1,000 levels:
# https://kubernetes.io/docs/concepts/overview/working-with-objects/annotations/
LARGEST_SPEC = 248 * 1024
DEEPEST_SPEC = 500


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


def read_run(obj: Object) -> AgentRun:
    """The run in full, unless it is larger or deeper than a run may be: then as it is kept."""
    size, depth = _measure(obj["spec"])
    if size > LARGEST_SPEC or depth > DEEPEST_SPEC:
        return kept_run(obj)
    measured = {
        "spec_bytes": size,
        "spec_depth": depth,
        "annotation_bytes": _annotation_bytes(obj["metadata"]),
    }
    return AgentRun.model_validate({**obj, **measured})


def kept_run(obj: Object) -> AgentRun:
    """The run without what its user may make large; that it has an input is kept."""
    spec = dict(obj["spec"])
    size, depth = _measure(spec)
    for field in ("input", "resume"):
        if field in spec:
            spec[field] = None
    spec.pop("config", None)
    full = obj.get("status") or {}
    status = {k: v for k, v in full.items() if k not in ("output", "interrupts")}
    return AgentRun.model_validate(
        {
            "metadata": _run_metadata(obj["metadata"]),
            "spec": spec,
            "status": status,
            "spec_bytes": size,
            "spec_depth": depth,
            "annotation_bytes": _annotation_bytes(obj["metadata"]),
            "trimmed": True,
            "output_dropped": len(status) < len(full),
        }
    )


def kept_agent(obj: Object) -> Agent:
    """The Agent without what makes its pods."""
    made = ("image", "code", "env", "envFrom", "resources", "podTemplate")
    spec = {field: value for field, value in obj["spec"].items() if field not in made}
    metadata = _metadata(obj["metadata"], (), (), 0)
    return Agent.model_validate({"metadata": metadata, "spec": {**spec, "runtime": {}}})


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
    metadata = _metadata(obj["metadata"], KEPT_LABELS, KEPT_ANNOTATIONS, LONGEST_OF_CLEANUP)
    spec = {key: obj["spec"][key] for key in _KEPT_OF_SPEC if key in obj["spec"]}
    return {"metadata": metadata, "spec": spec, "status": obj.get("status") or {}}


def _run_metadata(meta: Object) -> Object:
    managers = [
        {"manager": entry.get("manager"), "time": entry.get("time"), "fieldsV1": _CANCEL}
        for entry in meta.get("managedFields") or []
        if "f:cancel" in (entry.get("fieldsV1") or {}).get("f:spec", {})
    ]
    managers = [{k: v for k, v in entry.items() if v is not None} for entry in managers]
    finalizers = meta.get("finalizers") or []
    ours = [FINALIZER] if FINALIZER in finalizers else []
    others = [name for name in finalizers if name != FINALIZER]
    kept = _metadata(meta, KEPT_OF_RUN, (ANNOTATION_QUEUED, *GIT_ANNOTATIONS), LONGEST_OF_RUN)
    return kept | {
        "managedFields": managers[:MOST_MANAGERS],
        "finalizers": ours + others[:MOST_FINALIZERS],
    }


_CANCEL: Object = {"f:spec": {"f:cancel": {}}}
_KEPT = (
    "name",
    "namespace",
    "uid",
    "resourceVersion",
    "generation",
    "creationTimestamp",
    "deletionTimestamp",
    "deletionGracePeriodSeconds",
)
_KEPT_OF_SPEC = ("nodeName", "schedulerName", "suspend")


def _metadata(
    meta: Object, label_keys: Iterable[str], annotation_keys: Iterable[str], longest: int
) -> Object:
    annotations = meta.get("annotations") or {}
    named = meta.get("labels") or {}
    return {
        **{key: meta[key] for key in _KEPT if key in meta},
        "labels": {key: named[key] for key in label_keys if key in named},
        "annotations": {
            key: annotations[key][:longest] for key in annotation_keys if key in annotations
        },
    }


def _annotation_bytes(meta: Object) -> int:
    """As the API server counts them."""
    annotations = (meta.get("annotations") or {}).items()
    return sum(len(key.encode()) + len(value.encode()) for key, value in annotations)


def _measure(spec: Object) -> tuple[int, int]:
    """Bytes of the spec in JSON, and its levels; what is too large is not looked at for levels."""
    size = len(json.dumps(spec, ensure_ascii=False, separators=(",", ":")).encode(errors="replace"))
    if size > LARGEST_SPEC:
        return size, 0
    depth, level = 0, [spec]
    while level and depth <= DEEPEST_SPEC:
        depth += 1
        level = [part for value in level for part in _parts(value)]
    return size, depth


def _parts(value: Any) -> Iterable[Any]:
    if isinstance(value, dict):
        return [part for part in value.values() if isinstance(part, dict | list)]
    return [part for part in value if isinstance(part, dict | list)]
