"""Helpers for raw objects. Objects are never changed in place: a change makes a new one."""

from collections.abc import Iterable
from typing import Any

Object = dict[str, Any]

TRACKING = "batch.kubernetes.io/job-tracking"
FOREGROUND = "foregroundDeletion"
ORPHAN = "orphan"
NAMESPACE = "ns"
FORGED = "forged"  # image of what the operator did not make, whatever its labels say


def merged(target: Object, patch: Object) -> Object:
    """JSON merge patch, RFC 7386."""
    result = dict(target)
    for key, value in patch.items():
        if value is None:
            result.pop(key, None)
        elif isinstance(value, dict):
            old = result.get(key)
            result[key] = merged(old if isinstance(old, dict) else {}, value)
        else:
            result[key] = value
    return result


def uid_of(obj: Object) -> str:
    return str(obj["metadata"]["uid"])


def name_of(obj: Object) -> str:
    return str(obj["metadata"]["name"])


def is_deleting(obj: Object) -> bool:
    return "deletionTimestamp" in obj["metadata"]


def finalizers(obj: Object) -> list[str]:
    found: list[str] = obj["metadata"].get("finalizers") or []
    return found


def with_finalizers(obj: Object, names: Iterable[str]) -> Object:
    return obj | {"metadata": obj["metadata"] | {"finalizers": list(names)}}


def without_finalizer(obj: Object, name: str) -> Object:
    return with_finalizers(obj, [f for f in finalizers(obj) if f != name])


def owners(obj: Object) -> list[Object]:
    found: list[Object] = obj["metadata"].get("ownerReferences") or []
    return found


def is_owned_by(obj: Object, uid: str) -> bool:
    return any(ref["uid"] == uid for ref in owners(obj))


def controls_it(obj: Object) -> bool:
    """Whether something controls it, by its owner references."""
    return any(ref.get("controller") for ref in owners(obj))


def label(obj: Object, name: str) -> str | None:
    value: str | None = (obj["metadata"].get("labels") or {}).get(name)
    return value


def phase_of(obj: Object) -> str:
    return str(obj.get("status", {}).get("phase", "Pending"))


def has_ended(pod: Object) -> bool:
    return phase_of(pod) in ("Succeeded", "Failed")


def with_condition(
    obj: Object, kind: str, reason: str, stamp: str, *, value: str = "True"
) -> Object:
    """The object with that condition."""
    status = obj.get("status", {})
    new = {"type": kind, "status": value, "reason": reason, "lastTransitionTime": stamp}
    others = [c for c in status.get("conditions", []) if c["type"] != kind]
    return obj | {"status": status | {"conditions": [*others, new]}}


def condition(obj: Object, kind: str) -> Object | None:
    for found in obj.get("status", {}).get("conditions") or []:
        if found["type"] == kind and found["status"] == "True":
            return dict(found)
    return None


def env_of(obj: Object) -> dict[str, str]:
    """Environment of the main container of a pod, or of those that a Job makes."""
    return {entry["name"]: entry["value"] for entry in main_container(obj).get("env", [])}


def main_container(obj: Object) -> Object:
    """Of a pod, or of those that a Job makes; labels do not tell what the operator has made."""
    spec = obj["spec"].get("template", obj).get("spec", {})
    containers: list[Object] = spec.get("containers") or [{}]
    return containers[0]


def is_forged(obj: Object) -> bool:
    return main_container(obj).get("image") == FORGED


def made_for(obj: Object) -> str:
    """UID of the run that the operator made the Job for, or its pod; empty if it did not."""
    return env_of(obj).get("AGENTRUN_UID", "")
