"""Audit events as the API server writes them, for tests."""

from datetime import UTC, datetime
from typing import Any

OPERATOR = "system:serviceaccount:agentrun-system:agentrun-operator"


def audit_event(
    at: float,
    verb: str,
    what: str,
    *,
    name: str = "run",
    user: str = OPERATOR,
    code: int = 200,
    namespace: str = "agentrun-bench",
) -> dict[str, Any]:
    """`what` is resource[/subresource]; `at` is in Unix seconds."""
    resource, _, subresource = what.partition("/")
    ref = {"resource": resource, "namespace": namespace, "name": name}
    if subresource:
        ref["subresource"] = subresource
    time = datetime.fromtimestamp(at, UTC).isoformat(timespec="microseconds")
    return {
        "verb": verb,
        "user": {"username": user},
        "objectRef": ref,
        "responseStatus": {"code": code},
        "requestReceivedTimestamp": time.replace("+00:00", "Z"),
    }
