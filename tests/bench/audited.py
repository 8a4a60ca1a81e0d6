"""Requests that changed something in the bench's namespace, from the API server's audit log."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from bench.setting import NAMESPACE

# Users, or how their names begin.
OPERATOR = "system:serviceaccount:agentrun-system:agentrun-operator"
JOBS = "system:serviceaccount:kube-system:job-controller"
GARBAGE = "system:serviceaccount:kube-system:generic-garbage-collector"
SCHEDULER = "system:kube-scheduler"
KUBELET = "system:node:"


@dataclass(frozen=True)
class Request:
    """`at` is when the server received it, in Unix seconds; `what` is resource[/subresource]."""

    at: float
    user: str
    verb: str
    what: str
    name: str
    code: int

    @property
    def refused(self) -> bool:
        return self.code >= 400


def requests(events: Iterable[dict[str, Any]]) -> list[Request]:
    """The namespace's part of audit events (audit.k8s.io/v1), in the order of their arrival."""
    return sorted(_requests(events), key=lambda request: request.at)


def _requests(events: Iterable[dict[str, Any]]) -> Iterator[Request]:
    for event in events:
        ref = event.get("objectRef", {})
        if ref.get("namespace") != NAMESPACE or "responseStatus" not in event:
            continue
        yield Request(
            at=datetime.fromisoformat(event["requestReceivedTimestamp"]).timestamp(),
            user=event["user"]["username"],
            verb=event["verb"],
            what="/".join(ref[part] for part in ("resource", "subresource") if part in ref),
            name=ref.get("name", ""),
            code=event["responseStatus"]["code"],
        )
