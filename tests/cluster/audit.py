"""The API server's audit log: all writes since the cluster was created."""

import json
from typing import Any

from cluster.engine import node_exec

# The API server renames a log of 100 MB to audit-<time>.log: sorted by name, the oldest is first.
_READ = 'grep --no-filename --fixed-strings "$1" /var/log/kubernetes/audit*.log || [ $? = 1 ]'


def audit_log(namespace: str = "") -> list[dict[str, Any]]:
    """All writes, or those in a namespace, oldest first, as audit.k8s.io/v1 Events (Metadata).

    Useful keys: `verb`, `user.username`, `objectRef` (resource, subresource, namespace, name),
    `responseStatus.code`, `requestReceivedTimestamp`.
    """
    said = f'"namespace":"{namespace}"' if namespace else '"kind":"Event"'
    return [json.loads(line) for line in node_exec("bash", "-c", _READ, "bash", said).splitlines()]


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
