"""Kubernetes Events, on runs and on the operator's own Deployment."""

import hashlib
import logging

from agentrun_kube.client.kube import NO_ANSWER, ApiError, Kube
from agentrun_kube.names import API_VERSION, MANAGED_BY
from agentrun_kube.objects import Object
from agentrun_kube.text import clean
from agentrun_kube.v1alpha1.agent_run import AgentRun

from . import clock
from .resources.event import Event

logger = logging.getLogger(__name__)


async def post(kube: Kube, run: AgentRun, event: Event) -> None:
    """Post the Event on the run once: its name follows from what it says."""
    meta = run.metadata
    involved = {
        "apiVersion": API_VERSION,
        "kind": "AgentRun",
        "name": meta.name,
        "namespace": meta.namespace,
        "uid": meta.uid,
    }
    await _post(kube, involved, event, "")


async def post_on_deployment(kube: Kube, deployment: Object, event: Event) -> None:
    """Post the Event on the Deployment, also if it says what an earlier one said."""
    meta = deployment["metadata"]
    involved = {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "name": meta["name"],
        "namespace": meta["namespace"],
        "uid": meta["uid"],
    }
    await _post(kube, involved, event, clock.now().isoformat())


async def _post(kube: Kube, involved: dict[str, str], event: Event, occasion: str) -> None:
    """A repetition on the same occasion is refused, for the name of the Event is taken.

    An Event is news, not state: a failure to post it is only logged.
    """
    name, namespace = involved["name"], involved["namespace"]
    message = clean(event.message)
    said = f"{involved['uid']} {event.reason} {message}{occasion}"
    digest = hashlib.sha256(said.encode()).hexdigest()
    time = clock.now().isoformat(timespec="seconds").replace("+00:00", "Z")
    obj = {
        "apiVersion": "v1",
        "kind": "Event",
        "metadata": {"name": f"{name[:200]}.{digest[:16]}", "namespace": namespace},
        "involvedObject": involved,
        "type": event.type,
        "reason": event.reason,
        "message": message,
        "source": {"component": MANAGED_BY},
        "firstTimestamp": time,
        "lastTimestamp": time,
        "count": 1,
    }
    try:
        await kube.create("events", namespace, obj)
    except ApiError as error:
        if error.status != 409 and not error.namespace_is_terminating:
            logger.warning("Event %s on %s not posted: %s", event.reason, name, error)
    except NO_ANSWER as error:
        logger.warning("Event %s on %s not posted: %r", event.reason, name, error)
