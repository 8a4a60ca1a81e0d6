"""The API server, with little between it and the clock: plain dicts, and watches read as they come.

The official client's connection without its models: parsing them would be measured too.
"""

import json
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any
from urllib.parse import urlencode

import urllib3
from kubernetes import client, config

from cluster import KUBECONFIG

Object = dict[str, Any]
PREFIXES = {
    "agentruns": "/apis/agentrun.dev/v1alpha1",
    "jobs": "/apis/batch/v1",
    "pods": "/api/v1",
}
# Of one watch, in seconds: many times what anything here takes.
PATIENCE = 120


class MeasurementError(Exception):
    """Something could not be measured. The text says what, and what was seen instead."""


class Watch:
    """What happens to some objects, from when it was opened."""

    def __init__(self, lines: Iterator[bytes]) -> None:
        self._lines = lines

    def until(self, what: str, reached: Callable[[str, Object], bool]) -> tuple[Object, float]:
        """The first object for which `reached` holds, and when that was seen (Unix seconds).

        `reached` is given the event's type and the object. Raises MeasurementError, saying
        `what` was waited for.
        """
        last: Object = {}
        for line in self._lines:
            seen_at = time.time()
            event = json.loads(line)
            if event["type"] == "ERROR":
                raise MeasurementError(f"{what}: the watch broke off: {event['object']}")
            last = event["object"]
            if reached(event["type"], last):
                return last, seen_at
        raise MeasurementError(
            f"{what}: not seen before the watch ended, after {PATIENCE} s at most; the last status"
            f" was {last.get('status')}"
        )


class Api:
    """Requests for one namespace. Raises MeasurementError if the server refuses one."""

    def __init__(self, namespace: str) -> None:
        settings = client.Configuration()
        config.load_kube_config(str(KUBECONFIG), client_configuration=settings)  # type: ignore[no-untyped-call]
        self._client = client.ApiClient(settings)
        self._namespace = namespace

    def create(self, plural: str, obj: Object, user: str | None = None) -> Object:
        """Create the object, as another user if one is named."""
        return self._answer("POST", self._path(plural), obj, user)

    def get(self, plural: str, name: str) -> Object:
        return self._answer("GET", self._path(plural, name))

    def patch(
        self, plural: str, name: str, patch: Object, subresource: str = "", user: str | None = None
    ) -> Object:
        """Patch the object, as another user if one is named."""
        path = "/".join(part for part in (self._path(plural, name), subresource) if part)
        return self._answer("PATCH", path, patch, user)

    def delete(self, plural: str, name: str) -> None:
        """What `kubectl delete --cascade=foreground` sends: it goes after all that it owns."""
        self._answer("DELETE", self._path(plural, name), {"propagationPolicy": "Foreground"})

    def remove(self, plural: str, name: str) -> float:
        """Delete the object and wait until it and all that it owns is gone. Returns when."""
        with self.watch(plural, fieldSelector=f"metadata.name={name}") as watch:
            self.delete(plural, name)
            _, gone_at = watch.until(f"{name} gone", lambda event, _: event == "DELETED")
        return gone_at

    def delete_all(self, plural: str) -> None:
        """Delete all objects, some at a time: one request must not take too long."""
        some = self._path(plural) + "?limit=500"
        while self._answer("GET", f"{self._path(plural)}?limit=1")["items"]:
            self._answer("DELETE", some, {"propagationPolicy": "Background"})

    @contextmanager
    def watch(self, plural: str, **selector: str) -> Iterator[Watch]:
        """Watch objects from now on. Those that are there come first, as "ADDED"."""
        query = urlencode({"watch": "true", "timeoutSeconds": PATIENCE, **selector})
        with self._lines(f"{self._path(plural)}?{query}") as lines:
            yield Watch(lines)

    @contextmanager
    def log(self, pod: str, container: str) -> Iterator[Iterator[bytes]]:
        """The lines of a container's log, as they come."""
        query = urlencode({"container": container, "follow": "true"})
        with self._lines(f"{self._path('pods', pod)}/log?{query}") as lines:
            yield lines

    def _path(self, plural: str, name: str = "") -> str:
        path = f"{PREFIXES[plural]}/namespaces/{self._namespace}/{plural}"
        return f"{path}/{name}" if name else path

    def _answer(
        self, method: str, path: str, body: Object | None = None, user: str | None = None
    ) -> Object:
        answer: Object = json.loads(self._send(method, path, body, user).data)
        return answer

    @contextmanager
    def _lines(self, path: str) -> Iterator[Iterator[bytes]]:
        response = self._send("GET", path)
        try:
            yield iter(response)
        finally:
            response.close()

    def _send(
        self, method: str, path: str, body: Object | None = None, user: str | None = None
    ) -> urllib3.HTTPResponse:
        kind = "merge-patch+json" if method == "PATCH" else "json"
        headers = {"Accept": "application/json, */*", "Content-Type": f"application/{kind}"}
        if user is not None:
            headers["Impersonate-User"] = user
        self._client.update_params_for_auth(headers, [], ["BearerToken"], path, method, body)
        url = f"{self._client.configuration.host}{path}"
        answer = self._client.rest_client.request(  # type: ignore[no-untyped-call]
            method, url, headers=headers, body=body, _request_timeout=(5, PATIENCE + 5)
        )
        response: urllib3.HTTPResponse = answer.response
        if not 200 <= response.status <= 299:
            text = response.data.decode(errors="replace")
            raise MeasurementError(f"{method} {path}: {response.status} {text}")
        return response
