"""What a run's own record says: what is kept of it, and what it waits for."""

import json
from collections.abc import Iterable
from typing import Any

from agentrun_kube.names import (
    ANNOTATION_QUEUED,
    FINALIZER,
    GIT_ANNOTATIONS,
    GIT_LABELS,
    LABEL_INSTANCE,
)
from agentrun_kube.objects import Object
from agentrun_kube.v1alpha1.agent import Agent
from agentrun_kube.v1alpha1.agent_run import AgentRun
from agentrun_kube.vocabulary import Cancel, Condition, Reason

from .objects import kept_metadata

LONGEST_OF_RUN = 64  # a number; of others', it only matters that they are there
MOST_MANAGERS = 10  # of spec.cancel, by metadata.managedFields
MOST_FINALIZERS = 10  # beside ours; a run that has as many is read again before they are written

# Specs beyond these are not carried into a pod (policy/start.py). The API server takes 256 KiB of
# annotations in all, and Python's reader some 1,000 levels:
# https://kubernetes.io/docs/concepts/overview/working-with-objects/annotations/
LARGEST_SPEC = 248 * 1024
DEEPEST_SPEC = 500


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
    metadata = kept_metadata(obj["metadata"], (), (), 0)
    return Agent.model_validate({"metadata": metadata, "spec": {**spec, "runtime": {}}})


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
    kept = kept_metadata(
        meta,
        (LABEL_INSTANCE, *GIT_LABELS),
        (ANNOTATION_QUEUED, *GIT_ANNOTATIONS),
        LONGEST_OF_RUN,
    )
    return kept | {
        "managedFields": managers[:MOST_MANAGERS],
        "finalizers": ours + others[:MOST_FINALIZERS],
    }


_CANCEL: Object = {"f:spec": {"f:cancel": {}}}


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


def awaits_cleanup(run: AgentRun) -> bool:
    """Whether nothing of the run is alive and its checkpoints have to go."""
    if run.status.claim_name is None:
        return False
    wanted = run.spec.cancel == Cancel.ROLLBACK and not run.finished
    released = run.finished and not run.has_finalizer
    wanted = wanted or (run.deleting and run.reclaims and not released)
    conditions = {c.type: c.status for c in run.status.conditions}
    stopped = conditions.get(Condition.STOPPED) == "True"
    return wanted and stopped and conditions.get(Condition.ROLLED_BACK) == "False"


def may_be_cleaned(run: AgentRun) -> bool:
    """Whether its clean-up may run now: it awaits it, and not until another run has ended."""
    held_up = any(
        c.type == Condition.ROLLED_BACK and c.reason == Reason.THREAD_BUSY
        for c in run.status.conditions
    )
    return awaits_cleanup(run) and not held_up
