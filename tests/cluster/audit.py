"""The API server's audit log: who wrote what, since the cluster was made."""

import json
from typing import Any

from cluster.engine import node_exec

LOG = "/var/log/kubernetes/audit.log"


def audit_log() -> list[dict[str, Any]]:
    """All writes, oldest first, as audit.k8s.io/v1 Events of level Metadata.

    Useful keys: `verb`, `user.username`, `objectRef` (resource, subresource, namespace, name),
    `responseStatus.code`, `requestReceivedTimestamp`.
    """
    return [json.loads(line) for line in node_exec("cat", LOG).splitlines()]


def print_audit_log() -> None:
    """One line a write: time, user, verb, what, answer."""
    for event in audit_log():
        of = event.get("objectRef", {})
        what = "/".join(
            of[part] for part in ("namespace", "resource", "name", "subresource") if part in of
        )
        code = event.get("responseStatus", {}).get("code", "-")
        time = event["requestReceivedTimestamp"]
        print(time, event["user"]["username"], event["verb"], what, code)
