"""What is read from any object: labels, owners, conditions."""

from collections.abc import Iterable
from datetime import datetime

from agentrun_kube.names import COMPONENT_AGENT, LABEL_COMPONENT, LABEL_FINISHED
from agentrun_kube.objects import Object


def time_of(value: str | None) -> datetime | None:
    return datetime.fromisoformat(value) if value else None


def labels(obj: Object) -> dict[str, str]:
    return obj["metadata"].get("labels") or {}


def owner_uid(obj: Object) -> str | None:
    """UID of the controlling owner."""
    for ref in obj["metadata"].get("ownerReferences", []):
        if ref.get("controller"):
            return str(ref["uid"])
    return None


def is_unwatched(obj: Object) -> bool:
    return LABEL_FINISHED in labels(obj)


def condition_is_true(obj: Object, *types: str) -> bool:
    conditions = obj.get("status", {}).get("conditions") or []
    return any(c["type"] in types and c["status"] == "True" for c in conditions)


def maker(pod: Object) -> tuple[str, str] | None:
    """Kind and name of what controls the pod; None of one that was orphaned.

    Labels are no proof. A pod without a controller may be the run's: --cascade=orphan removes the
    owner reference.
    """
    for ref in pod["metadata"].get("ownerReferences") or []:
        if ref.get("controller"):
            return ref["kind"], ref["name"]
    return None


def may_be_made_for(made_by: tuple[str, str] | None, run_name: str) -> bool:
    """Whether a pod that this made may be one of the run of that name."""
    return made_by in (None, ("Job", run_name))


def is_of_agent(obj: Object) -> bool:
    """Whether a Job or pod is to run an agent, not a clean-up."""
    return labels(obj).get(LABEL_COMPONENT) == COMPONENT_AGENT


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


def kept_metadata(
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
