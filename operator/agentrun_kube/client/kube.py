"""The API server's verbs, on plain dicts.

The official client's models refuse fields that they do not know and drop what newer servers add, so
objects are sent and received as they are. Lists come in pages that bytes bound.
"""

import asyncio
import sys
from collections.abc import AsyncIterator, Callable

from ..objects import Object
from .connection import (
    LIST_TIMEOUT,
    NO_ANSWER,
    OBJECT_BYTES,
    READ_TIMEOUT,
    WATCH_TIMEOUT,
    WRITE_TIMEOUT,
    ApiError,
    Connection,
    TooLargeError,
    lines,
    read,
)
from .pages import Page, loads
from .paths import can_be_name, path

__all__ = ["NO_ANSWER", "ApiError", "Kube", "read_deep_json"]

Objects = list[Object]

MERGE_PATCH = "application/merge-patch+json"
JSON_PATCH = "application/json-patch+json"
WATCH_SECONDS = 300  # then the server ends the watch, and another one begins
FIRST_PAGE, LARGEST_PAGE = 50, 500  # items
PAGE_BYTES = 4 * 1024 * 1024
LONGEST_BLOCK_SECONDS = 0.02  # of the event loop, while items are read


def read_deep_json() -> None:
    """Let this process read all JSON that an API server accepts: up to 10,000 levels.

    Python's reader stops at some 1,000, so that one object could make every list unreadable that
    it is in. The limit is Python's own, of all recursion.
    """
    sys.setrecursionlimit(50_000)


class Kube:
    """Requests to one API server. Raises ApiError, or what NO_ANSWER names."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    @classmethod
    async def connect(cls) -> "Kube":
        """In a cluster by its service account, else by the kubeconfig's current context."""
        return cls(await Connection.connect())

    async def close(self) -> None:
        await self._connection.close()

    # Reading

    async def get(self, plural: str, namespace: str | None, name: str) -> Object | None:
        """The object, or None if there is none."""
        if not can_be_name(name):
            return None
        try:
            found = await self._connection.request(
                "GET", path(plural, namespace, name), READ_TIMEOUT
            )
        except ApiError as error:
            if error.status == 404:
                return None
            raise
        meta = found.get("metadata") or {}
        if (meta.get("name"), meta.get("namespace")) != (name, namespace):
            raise ApiError(502, f"the answer to a get of {plural} {name!r} is another object", {})
        return found

    async def list(
        self, plural: str, namespace: str | None = None, **selectors: str
    ) -> tuple[Objects, int]:
        """All objects that match, as of one version, and that version. Never from a cache.

        Selectors: labelSelector, fieldSelector. Items of a list come without apiVersion and kind.
        """
        items: Objects = []
        version = await self.each(plural, items.append, namespace, **selectors)
        return items, version

    async def each(
        self,
        plural: str,
        take: Callable[[Object], None],
        namespace: str | None = None,
        **selectors: str,
    ) -> int:
        """The same list, handed to ``take`` item by item. Returns the version.

        One page is in memory at a time. A page that is too large is requested again, with fewer
        items.
        """
        query: dict[str, str] = dict(selectors)
        limit = FIRST_PAGE
        while True:
            query["limit"] = str(limit)
            try:
                data = await self._page(path(plural, namespace), query, single=limit == 1)
            except TooLargeError:
                if limit == 1:
                    raise
                limit = max(limit // 4, 1)
                continue
            metadata = await _take_all(data, take)
            if not metadata.get("continue"):
                return int(metadata["resourceVersion"])
            query["continue"] = metadata["continue"]
            fits = limit * PAGE_BYTES // (2 * len(data))
            limit = max(1, min(LARGEST_PAGE, 4 * limit, fits))

    async def _page(self, url_path: str, query: dict[str, str], *, single: bool) -> bytes:
        largest = OBJECT_BYTES if single else PAGE_BYTES
        async with self._connection.response("GET", url_path, LIST_TIMEOUT, query) as response:
            return await read(response, largest)

    async def some(
        self, plural: str, count: int, namespace: str | None = None, **selectors: str
    ) -> Objects:
        """At most so many of the objects that match."""
        query = {**selectors, "limit": str(count)}
        found: Objects = []
        await _take_all(await self._page(path(plural, namespace), query, single=True), found.append)
        return found

    async def watch(
        self, plural: str, version: int, **selectors: str
    ) -> AsyncIterator[tuple[str, Object]]:
        """What changes after that version: types ADDED, MODIFIED, DELETED, BOOKMARK.

        Ends when the server ends it, after some minutes. Raises ApiError 410 if the version is too
        old, TimeoutError if the connection is silent.
        """
        query = {
            **selectors,
            "watch": "true",
            "allowWatchBookmarks": "true",
            "resourceVersion": str(version),
            "timeoutSeconds": str(WATCH_SECONDS),
        }
        async with self._connection.response(
            "GET", path(plural, None), WATCH_TIMEOUT, query
        ) as response:
            async for line in lines(response):
                event = loads(line)
                if event["type"] == "ERROR":
                    status = event["object"]
                    raise ApiError(int(status.get("code", 500)), str(status.get("message")), status)
                yield event["type"], event["object"]

    async def log(
        self, namespace: str, pod: str, container: str, count: int, largest: int
    ) -> str | None:
        """The last lines of a container's log, of which at most so many bytes; None if it is gone.

        The kubelet counts the bytes from the first of these lines.
        """
        query = {"container": container, "tailLines": str(count), "limitBytes": str(largest)}
        url_path = path("pods", namespace, pod, "log")
        try:
            async with self._connection.response("GET", url_path, READ_TIMEOUT, query) as response:
                return (await read(response, 2 * largest)).decode(errors="replace")
        except ApiError as error:
            if error.status == 404:
                return None
            raise

    # Writing

    async def create(self, plural: str, namespace: str, obj: Object) -> Object:
        return await self._connection.request("POST", path(plural, namespace), WRITE_TIMEOUT, obj)

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
            await self._connection.request(
                "DELETE", path(plural, namespace, name), WRITE_TIMEOUT, body
            )
        except ApiError as error:
            if error.status not in (404, 409):
                raise
            return False
        return True

    async def merge_patch(self, plural: str, namespace: str, name: str, patch: Object) -> Object:
        url_path = path(plural, namespace, name)
        return await self._connection.request("PATCH", url_path, WRITE_TIMEOUT, patch, MERGE_PATCH)

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
        url_path = path(plural, namespace, name, "status")
        return await self._connection.request("PATCH", url_path, WRITE_TIMEOUT, patch, JSON_PATCH)


async def _take_all(data: bytes, take: Callable[[Object], None]) -> Object:
    """Hand over all items of the page, and let others have the event loop meanwhile."""
    page, clock = Page(data.decode()), asyncio.get_running_loop().time
    began = clock()
    for item in page.items():
        take(item)
        if clock() - began > LONGEST_BLOCK_SECONDS:
            await asyncio.sleep(0)
            began = clock()
    return page.metadata
