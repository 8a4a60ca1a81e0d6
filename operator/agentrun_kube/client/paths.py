"""Paths and selectors of requests: the one place where what users chose becomes a part of them."""

import re
from urllib.parse import quote

from ..names import GROUP, VERSION

PREFIXES = {
    "agentruns": f"/apis/{GROUP}/{VERSION}",
    "agents": f"/apis/{GROUP}/{VERSION}",
    "jobs": "/apis/batch/v1",
    "pods": "/api/v1",
    "events": "/api/v1",
    "nodes": "/api/v1",
    "leases": "/apis/coordination.k8s.io/v1",
    "deployments": "/apis/apps/v1",
    "validatingadmissionpolicies": "/apis/admissionregistration.k8s.io/v1",
    "validatingadmissionpolicybindings": "/apis/admissionregistration.k8s.io/v1",
}
LONGEST_NAME = 253
_LABEL_VALUE = re.compile(r"([A-Za-z0-9]([-A-Za-z0-9_.]{0,61}[A-Za-z0-9])?)?")


def can_be_name(text: str) -> bool:
    """Whether an object can have that name: the rule of the API server for parts of a path.

    https://kubernetes.io/docs/concepts/overview/working-with-objects/names/#path-segment-names
    """
    return 0 < len(text) <= LONGEST_NAME and text not in (".", "..") and not set(text) & {"/", "%"}


def path(plural: str, namespace: str | None, name: str | None = None, part: str = "") -> str:
    """Path of the kind, or of one object or a subresource of it. Raises ValueError for no name."""
    segments = [PREFIXES[plural]]
    if namespace is not None:
        segments += ["namespaces", _segment(namespace)]
    segments.append(plural)
    if name is not None:
        segments.append(_segment(name))
    if part:
        segments.append(part)
    return "/".join(segments)


def _segment(name: str) -> str:
    if not can_be_name(name):
        raise ValueError(f"{name[:LONGEST_NAME]!r} can be no object's name")
    return quote(name, safe="")


def field_is(field: str, value: str) -> str:
    """A term of a field selector; whatever the value is, it remains one term."""
    escaped = re.sub(r"([\\,=])", r"\\\1", value)
    return f"{field}={escaped}"


def label_is(label: str, value: str) -> str:
    """A term of a label selector. Raises ValueError for what can be no label's value."""
    if not _LABEL_VALUE.fullmatch(value):
        raise ValueError(f"{value[:LONGEST_NAME]!r} can be no label's value")
    return f"{label}={value}"


def all_of(*terms: str) -> str:
    """A selector of what all the terms match."""
    return ",".join(terms)
