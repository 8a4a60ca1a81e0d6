"""The connection to the API server: the official client's, without its models.

No answer is read without a limit on its size, and no wait is without a timeout.
"""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any
from urllib.parse import urlencode

import aiohttp
from kubernetes.aio import client, config
from yarl import URL

from ..objects import Object
from .pages import loads

# No request holds a worker for longer.
READ_TIMEOUT = aiohttp.ClientTimeout(total=10, connect=5)
LIST_TIMEOUT = aiohttp.ClientTimeout(total=30, connect=5)  # of one page
WRITE_TIMEOUT = aiohttp.ClientTimeout(total=30, connect=5)  # webhooks have 30 s at most
# A connection is dead that is silent for longer than the minute between two bookmarks.
WATCH_TIMEOUT = aiohttp.ClientTimeout(total=None, connect=5, sock_read=90)

OBJECT_BYTES = 16 * 1024 * 1024  # far more than etcd takes of one object

# What a request raises if the server does not answer: try again later.
NO_ANSWER = (aiohttp.ClientError, asyncio.TimeoutError, OSError)


class ApiError(Exception):
    """The API server refused the request, with an HTTP status and a message."""

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
    def is_too_large(self) -> bool:
        """Whether the object has more bytes than the API server or etcd takes."""
        return self.status == 413 or "request is too large" in self.message

    @property
    def namespace_is_terminating(self) -> bool:
        causes = (self.body.get("details") or {}).get("causes") or []
        return any(cause.get("reason") == "NamespaceTerminating" for cause in causes)


class TooLargeError(ApiError):
    """The answer is larger than what is read of one."""

    def __init__(self, largest: int) -> None:
        super().__init__(413, f"the answer has more than {largest} bytes", {})


class Connection:
    """Requests to one API server. Raises ApiError, or what NO_ANSWER names."""

    def __init__(self, api: client.ApiClient) -> None:
        # Else each request would read a netrc file and the settings of proxies.
        api.configuration.client_session_kwargs = {"trust_env": False}
        self._api = api

    @classmethod
    async def connect(cls) -> "Connection":
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

    async def request(
        self,
        method: str,
        url_path: str,
        patience: aiohttp.ClientTimeout,
        body: Any = None,
        content_type: str = "application/json",
    ) -> Object:
        """The answer in JSON."""
        async with self.response(
            method, url_path, patience, body=body, content_type=content_type
        ) as response:
            answer: Object = loads(await read(response, OBJECT_BYTES))
            return answer

    @asynccontextmanager
    async def response(
        self,
        method: str,
        url_path: str,
        patience: aiohttp.ClientTimeout,
        query: dict[str, str] | None = None,
        body: Any = None,
        content_type: str = "application/json",
    ) -> AsyncIterator[aiohttp.ClientResponse]:
        """A successful answer, with its body unread. Raises ApiError otherwise."""
        url = f"{self.server}{url_path}"
        url += f"?{urlencode(query)}" if query else ""
        headers = {
            "Accept": "application/json",
            "Accept-Encoding": "identity",  # what is small may unpack to any size
            "Content-Type": content_type,
        }
        await self._api.update_params_for_auth(headers, [], ["BearerToken"], url_path, method, body)
        sent = await self._api.rest_client.request(  # type: ignore[no-untyped-call]
            method,
            URL(url, encoded=True),  # else it would be read, and its dots resolved
            headers=headers,
            body=body,
            _request_timeout=patience,
        )
        response: aiohttp.ClientResponse = sent.response
        try:
            if not 200 <= response.status <= 299:
                raise await _refusal(response)
            yield response
        finally:
            response.release() if response.content.at_eof() else response.close()


async def _refusal(response: aiohttp.ClientResponse) -> ApiError:
    data = await read(response, OBJECT_BYTES)
    try:
        answer = json.loads(data)
    except ValueError:
        answer = {"message": data.decode(errors="replace")}
    if not isinstance(answer, dict):
        answer = {}
    return ApiError(response.status, str(answer.get("message", response.reason)), answer)


async def read(response: aiohttp.ClientResponse, largest: int) -> bytes:
    """The whole answer. Raises TooLargeError as soon as it is larger."""
    data = bytearray()
    async for chunk in response.content.iter_any():
        data += chunk
        if len(data) > largest:
            raise TooLargeError(largest)
    return bytes(data)


async def lines(response: aiohttp.ClientResponse) -> AsyncIterator[bytes]:
    """The lines of the answer, as they come."""
    data = bytearray()
    async for chunk in response.content.iter_any():
        data += chunk
        if b"\n" in chunk:
            *whole, rest = data.split(b"\n")
            data = bytearray(rest)
            for line in whole:
                if line.strip():
                    yield bytes(line)
        if len(data) > OBJECT_BYTES:
            raise TooLargeError(OBJECT_BYTES)
