"""The API server, in plain dicts: the official client's connection without its models.

The models refuse fields that they do not know and drop what newer servers add, so objects are sent
and received as they are.
"""

import asyncio
import json
import sys
from typing import Any
from urllib.parse import urlencode

import aiohttp
from kubernetes.aio import client, config

from .constants import GROUP, VERSION

Object = dict[str, Any]

MERGE_PATCH = "application/merge-patch+json"
JSON_PATCH = "application/json-patch+json"
REQUEST_TIMEOUT = aiohttp.ClientTimeout(total=30, connect=5)
PAGE = 500

PREFIXES = {
    "agentruns": f"/apis/{GROUP}/{VERSION}",
    "agents": f"/apis/{GROUP}/{VERSION}",
    "jobs": "/apis/batch/v1",
    "pods": "/api/v1",
    "events": "/api/v1",
    "nodes": "/api/v1",
    "leases": "/apis/coordination.k8s.io/v1",
}


def read_deep_json() -> None:
    """Let this process read whatever an API server takes: JSON of 10,000 levels.

    Python's reader stops at some 1,000, so that one object could make every list unreadable that
    it is in. The limit is Python's own, of all recursion: kopf reads events with the same reader.
    """
    sys.setrecursionlimit(50_000)


class ApiError(Exception):
    """The API server said no. ``status`` is the HTTP status, ``message`` what it said."""

    def __init__(self, status: int, message: str, body: Object) -> None:
        super().__init__(f"{status}: {message}")
        self.status = status
        self.message = message
        self.body = body

    @property
    def is_refusal(self) -> bool:
        """Whether the object is refused as it is, or by the namespace: quota, Pod Security."""
        return self.status in (400, 403, 413, 422)

    @property
    def namespace_is_terminating(self) -> bool:
        causes = (self.body.get("details") or {}).get("causes") or []
        return any(cause.get("reason") == "NamespaceTerminating" for cause in causes)


class Kube:
    """Requests to one API server. Raises ApiError, or a client error if there is no answer."""

    def __init__(self, api: client.ApiClient) -> None:
        self._api = api

    @classmethod
    async def connect(cls) -> "Kube":
        """In a cluster by its service account, else by the kubeconfig's current context."""
        configuration = client.Configuration()
        try:
            config.load_incluster_config(client_configuration=configuration)  # type: ignore[no-untyped-call]
        except config.ConfigException:
            await config.load_kube_config(client_configuration=configuration)  # type: ignore[no-untyped-call]
        return cls(client.ApiClient(configuration))

    @property
    def server(self) -> str:
        """URL of the API server."""
        return str(self._api.configuration.host)

    async def close(self) -> None:
        await self._api.close()  # type: ignore[no-untyped-call]

    async def get(self, plural: str, namespace: str | None, name: str) -> Object | None:
        """The object, or None if there is none."""
        try:
            return await self._request("GET", _path(plural, namespace, name))
        except ApiError as error:
            if error.status == 404:
                return None
            raise

    async def list(
        self, plural: str, namespace: str | None = None, **selectors: str
    ) -> tuple[list[Object], int]:
        """All objects that match, as of one version, and that version. Never from a cache.

        Selectors: labelSelector, fieldSelector. Items of a list come without apiVersion and kind.
        """
        query: dict[str, str] = {**selectors, "limit": str(PAGE)}
        items: list[Object] = []
        while True:
            page = await self._request("GET", _path(plural, namespace), query)
            items += page["items"]
            token = page["metadata"].get("continue")
            if not token:
                return items, int(page["metadata"]["resourceVersion"])
            query["continue"] = token

    async def log(
        self, namespace: str, pod: str, container: str, count: int, largest: int
    ) -> str | None:
        """The last lines of a container's log, of which at most so many bytes; None if it is gone.

        The kubelet counts the bytes from the first of these lines.
        """
        query = {"container": container, "tailLines": str(count), "limitBytes": str(largest)}
        path = _path("pods", namespace, pod) + "/log"
        status, text = await self._send("GET", path, query)
        if status == 404:
            return None
        if status != 200:
            raise ApiError(status, text.decode(errors="replace"), {})
        return text.decode(errors="replace")

    async def create(self, plural: str, namespace: str, obj: Object) -> Object:
        return await self._request("POST", _path(plural, namespace), body=obj)

    async def delete(
        self, plural: str, namespace: str, name: str, uid: str, grace_seconds: int | None = None
    ) -> bool:
        """Delete just that object; False if it is gone already, or another by now.

        Jobs in the foreground: they stay until the garbage collector has seen their pods go.
        """
        policy = "Foreground" if plural == "jobs" else "Background"
        body: Object = {"preconditions": {"uid": uid}, "propagationPolicy": policy}
        if grace_seconds is not None:
            body["gracePeriodSeconds"] = grace_seconds
        try:
            await self._request("DELETE", _path(plural, namespace, name), body=body)
        except ApiError as error:
            if error.status not in (404, 409):
                raise
            return False
        return True

    async def merge_patch(self, plural: str, namespace: str, name: str, patch: Object) -> Object:
        path = _path(plural, namespace, name)
        return await self._request("PATCH", path, body=patch, content_type=MERGE_PATCH)

    async def replace_status(
        self, plural: str, namespace: str, name: str, status: Object, version: str
    ) -> Object:
        """Replace the whole status if the object still has that resourceVersion, else error 422.

        A JSON patch, since a merge patch would drop every null in what an agent has returned.
        """
        patch = [
            {"op": "test", "path": "/metadata/resourceVersion", "value": version},
            {"op": "add", "path": "/status", "value": status},
        ]
        path = _path(plural, namespace, name) + "/status"
        return await self._request("PATCH", path, body=patch, content_type=JSON_PATCH)

    async def _request(
        self,
        method: str,
        path: str,
        query: dict[str, str] | None = None,
        body: Any = None,
        content_type: str = "application/json",
    ) -> Object:
        status, text = await self._send(method, path, query, body, content_type)
        try:
            answer: Object = json.loads(text)
        except ValueError:
            answer = {"message": text.decode(errors="replace")}
        if not 200 <= status <= 299:
            raise ApiError(status, str(answer.get("message", status)), answer)
        return answer

    async def _send(
        self,
        method: str,
        path: str,
        query: dict[str, str] | None = None,
        body: Any = None,
        content_type: str = "application/json",
    ) -> tuple[int, bytes]:
        url = f"{self.server}{path}" + (f"?{urlencode(query)}" if query else "")
        headers = {"Accept": "application/json", "Content-Type": content_type}
        await self._api.update_params_for_auth(headers, [], ["BearerToken"], path, method, body)
        response = await self._api.rest_client.request(  # type: ignore[no-untyped-call]
            method, url, headers=headers, body=body, _request_timeout=REQUEST_TIMEOUT
        )
        return response.status, await response.read()


def _path(plural: str, namespace: str | None, name: str | None = None) -> str:
    path = PREFIXES[plural]
    if namespace is not None:
        path += f"/namespaces/{namespace}"
    return f"{path}/{plural}" + (f"/{name}" if name is not None else "")


# What a request raises if the server does not answer: try again later.
NO_ANSWER = (aiohttp.ClientError, asyncio.TimeoutError, OSError)
