"""Merges one object under another, as a strategic merge patch would for pods.

Lists whose items have an identity are merged item by item; which field that is, is written in the
Kubernetes API types as patchMergeKey:
https://kubernetes.io/docs/reference/generated/kubernetes-api/v1.36/#podspec-v1-core
"""

from typing import Any

MERGE_KEYS = {
    "containers": "name",
    "initContainers": "name",
    "volumes": "name",
    "env": "name",
    "volumeMounts": "mountPath",
}
# Items of these lists are taken as a whole: half of ours and half of theirs would be neither.
WHOLE_ITEMS = frozenset({"volumes", "env", "volumeMounts"})


def merge_under(top: dict[str, Any], under: dict[str, Any]) -> dict[str, Any]:
    """A new object: all of ``top``, and what ``under`` has beside it."""
    merged = dict(top)
    for key, value in under.items():
        if key not in top:
            merged[key] = value
        elif isinstance(top[key], dict) and isinstance(value, dict):
            merged[key] = merge_under(top[key], value)
        elif key in MERGE_KEYS and isinstance(top[key], list) and isinstance(value, list):
            merged[key] = _merge_items(top[key], value, key)
    return merged


def _merge_items(top: list[Any], under: list[Any], field: str) -> list[Any]:
    key = MERGE_KEYS[field]
    below = {item.get(key): item for item in under if _is_item(item, key)}
    merged = []
    for item in top:
        other = below.pop(item.get(key), {})
        merged.append(item if field in WHOLE_ITEMS else merge_under(item, other))
    # What is no item the API server refuses, with a message that names it.
    return merged + list(below.values()) + [item for item in under if not _is_item(item, key)]


def _is_item(item: Any, key: str) -> bool:
    return isinstance(item, dict) and not isinstance(item.get(key), dict | list)
