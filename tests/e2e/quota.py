"""A quota that allows a namespace no more objects of a kind than it has."""

from collections.abc import Iterator
from contextlib import contextmanager

from .kubectl import Object, get_all, kubectl, wait_until
from .namespace import Namespace

GROUPS = {"jobs": "count/jobs.batch", "pods": "count/pods"}


@contextmanager
def no_more(ns: Namespace, kind: str) -> Iterator[None]:
    """Has the API server refuse further ``jobs`` or ``pods`` in the namespace."""
    what, count = GROUPS[kind], str(len(get_all(kind, ns.name)))
    metadata = {"name": f"no-more-{kind}"}
    quota = {"apiVersion": "v1", "kind": "ResourceQuota", "metadata": metadata}
    ns.create(quota | {"spec": {"hard": {what: count}}})

    def counted(obj: Object) -> bool:
        return bool(obj.get("status", {}).get("used", {}).get(what) == count)

    wait_until("the quota is counted", "resourcequota", ns.name, counted)
    try:
        yield
    finally:
        kubectl("delete", "resourcequota", metadata["name"], "-n", ns.name)
