"""The thin edge to kopf: watches in, nothing else.

kopf keeps the watches up; its handlers only hand events to the controller. Its own state on the
objects, its retries and its finalizers are not used: decisions are made from the state that is
there, not from events.
"""

import dataclasses
from collections.abc import Callable
from typing import Any

import kopf

from .constants import GROUP, VERSION
from .controller import SELECTORS, Controller

RESOURCES = {
    "agentruns": (GROUP, VERSION, "agentruns"),
    "agents": (GROUP, VERSION, "agents"),
    "jobs": ("batch", "v1", "jobs"),
    "pods": ("", "v1", "pods"),
}


class NoDiffBase(kopf.DiffBaseStorage):
    """kopf keeps nothing on our objects, and need not compare them."""

    def build(self, **_: Any) -> Any:
        return {}

    def fetch(self, **_: Any) -> None:
        return None

    def store(self, **_: Any) -> None:
        return None


def configure(settings: kopf.OperatorSettings) -> None:
    settings.posting.enabled = False
    settings.scanning.disabled = True
    # An idle worker keeps its place for this long; without a limit on workers, a short time only
    # saves memory.
    settings.queueing.idle_timeout = 0.2
    settings.queueing.exit_timeout = 2
    settings.watching.chunk_size = 500
    settings.watching.server_timeout = 300
    settings.watching.connect_timeout = 5
    settings.networking.request_timeout = 30
    settings.networking.connect_timeout = 5
    # About five minutes of errors before kopf gives up and the process is started anew.
    settings.networking.error_backoffs = (1, 2, 3, 5, 8, 13, *[20] * 15)
    settings.persistence.diffbase_storage = NoDiffBase()
    for plural, selectors in SELECTORS.items():
        if "fieldSelector" in selectors:
            settings.watching.field_selectors[RESOURCES[plural]] = selectors["fieldSelector"]
        if "labelSelector" in selectors:
            settings.watching.label_selectors[RESOURCES[plural]] = selectors["labelSelector"]


def registry(controller: Controller, server: str) -> kopf.OperatorRegistry:
    """kopf's handlers: login to that server, and one for each kind that is watched."""
    handlers = kopf.OperatorRegistry()

    @kopf.on.login(registry=handlers)
    def login(**kwargs: Any) -> kopf.ConnectionInfo | None:
        found = kopf.login_with_service_account(**kwargs) or kopf.login_with_kubeconfig(**kwargs)
        # In a cluster kopf would look up kubernetes.default.svc, and there may be no cluster DNS.
        return dataclasses.replace(found, server=server) if found else None

    for plural, resource in RESOURCES.items():
        kopf.on.event(*resource, registry=handlers)(_handler(controller, plural))
    return handlers


def _handler(controller: Controller, plural: str) -> Callable[..., None]:
    async def handle(event: kopf.RawEvent, **_: Any) -> None:
        obj: Any = event["object"]
        if event["type"] == "DELETED":
            controller.forget(plural, obj)
        else:
            controller.learn(plural, obj)

    return handle  # type: ignore[return-value]
