"""Kubernetes Events on a run."""

import hashlib
import logging

from .constants import API_VERSION, MANAGED_BY
from .kube import NO_ANSWER, ApiError, Kube
from .models import AgentRun
from .observe import now
from .plan import Event
from .text import clean

logger = logging.getLogger(__name__)


async def post(kube: Kube, run: AgentRun, event: Event) -> None:
    """Post the Event once: its name follows from what it says, so a repetition is refused.

    An Event is news, not state: if it cannot be posted, that is logged and no more.
    """
    meta = run.metadata
    message = clean(event.message)
    digest = hashlib.sha256(f"{meta.uid} {event.reason} {message}".encode()).hexdigest()
    time = now().isoformat(timespec="seconds").replace("+00:00", "Z")
    obj = {
        "apiVersion": "v1",
        "kind": "Event",
        "metadata": {"name": f"{meta.name[:200]}.{digest[:16]}", "namespace": meta.namespace},
        "involvedObject": {
            "apiVersion": API_VERSION,
            "kind": "AgentRun",
            "name": meta.name,
            "namespace": meta.namespace,
            "uid": meta.uid,
        },
        "type": event.type,
        "reason": event.reason,
        "message": message,
        "source": {"component": MANAGED_BY},
        "firstTimestamp": time,
        "lastTimestamp": time,
        "count": 1,
    }
    try:
        await kube.create("events", meta.namespace, obj)
    except ApiError as error:
        if error.status != 409 and not error.namespace_is_terminating:
            logger.warning("Event %s on %s not posted: %s", event.reason, meta.name, error)
    except NO_ANSWER as error:
        logger.warning("Event %s on %s not posted: %r", event.reason, meta.name, error)
