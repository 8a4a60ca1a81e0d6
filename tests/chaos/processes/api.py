"""The real API server, straight from the harness: requests, and watches that miss nothing."""

import asyncio
import json
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any, Self
from urllib.parse import urlencode

import aiohttp
from kubernetes.aio import client, config

from agentrun_kube.client.kube import NO_ANSWER, ApiError

Object = dict[str, Any]

CORE, RUNS, BATCH = "/api/v1", "/apis/agentrun.dev/v1alpha1", "/apis/batch/v1"
PREFIXES = {
    "agentruns": RUNS,
    "agents": RUNS,
    "jobs": BATCH,
    "leases": "/apis/coordination.k8s.io/v1",
    "roles": "/apis/rbac.authorization.k8s.io/v1",
    "rolebindings": "/apis/rbac.authorization.k8s.io/v1",
}
MERGE = "application/merge-patch+json"
STRATEGIC = "application/strategic-merge-patch+json"
LONGEST_LINE = 4 * 1024 * 1024


async def eventually(check: Callable[[], Awaitable[bool]], seconds: float) -> None:
    """Ask again and again until it is so. Raises TimeoutError."""
    async with asyncio.timeout(seconds):
        while True:
            if await check():
                return
            await asyncio.sleep(0.2)


def path_of(plural: str, namespace: str | None = None, name: str = "", sub: str = "") -> str:
    parts = [PREFIXES.get(plural, CORE)]
    parts += ["namespaces", namespace] if namespace else []
    return "/".join([*parts, plural, *([name] if name else []), *([sub] if sub else [])])


class Api:
    """One API server, as the user of the kubeconfig's client certificate."""

    def __init__(self, server: str, session: aiohttp.ClientSession) -> None:
        self.server = server
        self.session = session

    @classmethod
    async def connect(cls) -> Self:
        """By $KUBECONFIG."""
        given = client.Configuration()
        await config.load_kube_config(client_configuration=given)  # type: ignore[no-untyped-call]
        trusted = ssl.create_default_context(cafile=given.ssl_ca_cert, cadata=given.ca_cert_data)
        assert given.cert_file is not None, "$KUBECONFIG has no client certificate"
        trusted.load_cert_chain(given.cert_file, given.key_file)
        session = aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(ssl=trusted, limit=0),
            timeout=aiohttp.ClientTimeout(total=None, connect=10),
            read_bufsize=LONGEST_LINE,
        )
        return cls(given.host, session)

    async def close(self) -> None:
        await self.session.close()

    async def request(
        self, method: str, path: str, body: Any = None, kind: str = "application/json"
    ) -> Object:
        """Raises ApiError."""
        headers = {"Content-Type": kind, "Accept": "application/json"}
        data = None if body is None else json.dumps(body)
        url = f"{self.server}{path}"
        async with self.session.request(method, url, data=data, headers=headers) as response:
            answer: Object = json.loads(await response.read())
            if not response.ok:
                raise ApiError(response.status, str(answer.get("message")), answer)
            return answer

    async def get(self, plural: str, namespace: str | None, name: str) -> Object | None:
        try:
            return await self.request("GET", path_of(plural, namespace, name))
        except ApiError as error:
            if error.status == 404:
                return None
            raise

    async def all(self, plural: str, namespace: str | None = None, **selectors: str) -> Object:
        """The list, with its version."""
        return await self.request("GET", f"{path_of(plural, namespace)}?{urlencode(selectors)}")

    async def create(self, plural: str, namespace: str | None, obj: Object) -> Object:
        return await self.request("POST", path_of(plural, namespace), obj)

    async def patch(
        self, plural: str, namespace: str | None, name: str, patch: Object, sub: str = ""
    ) -> Object | None:
        """None if there is no such object any more. Status patches merge conditions by type."""
        path = path_of(plural, namespace, name, sub)
        kind = STRATEGIC if sub == "status" else MERGE
        return await self._if_there("PATCH", path, patch, kind)

    async def delete(
        self, plural: str, namespace: str | None, name: str, **options: Any
    ) -> Object | None:
        return await self._if_there("DELETE", path_of(plural, namespace, name), options)

    async def _if_there(
        self, method: str, path: str, body: Object, kind: str = "application/json"
    ) -> Object | None:
        try:
            return await self.request(method, path, body, kind)
        except ApiError as error:
            if error.status in (404, 409):
                return None
            raise

    async def watch(
        self, plural: str, namespace: str | None = None, **selectors: str
    ) -> AsyncIterator[tuple[str, Object]]:
        """All that is there ("ADDED"), and then whatever happens, in order and without a gap."""
        found = await self.all(plural, namespace, **selectors)
        for item in found["items"]:
            yield "ADDED", item
        version = found["metadata"]["resourceVersion"]
        while True:
            query = {"watch": "true", "resourceVersion": version, "timeoutSeconds": "300"}
            query |= {"allowWatchBookmarks": "true"}  # else a quiet watch's version grows too old
            url = f"{self.server}{path_of(plural, namespace)}?{urlencode(query | selectors)}"
            try:
                async with self.session.get(url) as response:
                    async for line in response.content:
                        event = json.loads(line)
                        if event["type"] == "ERROR":
                            raise RuntimeError(f"the harness missed events: {event['object']}")
                        version = event["object"]["metadata"]["resourceVersion"]
                        if event["type"] != "BOOKMARK":
                            yield event["type"], event["object"]
            except NO_ANSWER:
                await asyncio.sleep(0.2)
