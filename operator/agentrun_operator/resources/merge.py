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
    "imagePullSecrets": "name",
    "env": "name",
    "volumeMounts": "mountPath",
    "ports": "containerPort",
    "hostAliases": "ip",
    "topologySpreadConstraints": "topologyKey",
}


# Ours as a whole or not at all: a capability that is added takes back that all are dropped.
ATOMIC = frozenset({"capabilities"})


def merge_under(top: dict[str, Any], under: dict[str, Any]) -> dict[str, Any]:
    """A new object: all of ``top``, and what ``under`` has beside it."""
    merged = dict(top)
    for key, value in under.items():
        if key not in top:
            merged[key] = value
        elif key in ATOMIC:
            continue
        elif isinstance(top[key], dict) and isinstance(value, dict):
            merged[key] = merge_under(top[key], value)
        elif key in MERGE_KEYS and isinstance(top[key], list) and isinstance(value, list):
            merged[key] = _merge_items(top[key], value, MERGE_KEYS[key])
    return merged


def _merge_items(top: list[Any], under: list[Any], key: str) -> list[Any]:
    below = {item.get(key): item for item in under if _is_item(item, key)}
    merged = [merge_under(item, below.pop(item.get(key), {})) for item in top]
    # What is no item the API server refuses, with a message that names it.
    return merged + list(below.values()) + [item for item in under if not _is_item(item, key)]


def _is_item(item: Any, key: str) -> bool:
    return isinstance(item, dict) and not isinstance(item.get(key), dict | list)
