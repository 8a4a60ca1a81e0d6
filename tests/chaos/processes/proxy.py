"""A reverse proxy between the operators and the API server, which lets faults loose on requests.

Each operator process has a token of its own, by which its requests are known. To the API server
they come as the operator's ServiceAccount, so that the operator has no more rights than deployed.
"""

import asyncio
import json
from collections.abc import Callable
from dataclasses import dataclass, field
from random import Random
from typing import NamedTuple

import aiohttp
from aiohttp import web

from agentrun_kube.client.kube import JSON_PATCH

from .api import LONGEST_LINE, Api
from .faults import Call, Fault, Faults, refusal
from .streams import Stream
from .times import PATIENCE

USER = "system:serviceaccount:agentrun-system:agentrun-operator"


@dataclass
class Sender:
    """One process of the operator."""

    token: str
    kill: Callable[[], None]
    alive: bool = True
    # Versions in which it last read runs from the API server, by name.
    known: dict[str, int] = field(default_factory=dict)


class Answer(NamedTuple):
    status: int
    headers: dict[str, str]
    body: bytes


@dataclass(frozen=True)
class MadeJob:
    """How a Job came to be made: whether its sender was there still, and what it knew."""

    late: bool
    known: int


class Proxy:
    def __init__(self, api: Api, faults: Faults, rng: Random) -> None:
        self._api = api
        self._faults = faults
        self._rng = rng
        self._connections: set[asyncio.Transport] = set()
        self.senders: dict[str, Sender] = {}
        self.made_jobs: dict[str, MadeJob] = {}  # by uid
        self._runner: web.AppRunner | None = None
        self._port = 0

    async def start(self) -> None:
        app = web.Application(client_max_size=LONGEST_LINE)
        app.router.add_route("*", "/{path:.*}", self._serve)
        self._runner = web.AppRunner(app, access_log=None, shutdown_timeout=1)
        await self._runner.setup()
        await self._listen()

    async def _listen(self) -> None:
        assert self._runner is not None
        site = web.TCPSite(self._runner, "127.0.0.1", self._port, reuse_address=True)
        await site.start()
        self._port = self._runner.addresses[0][1]

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._port}"

    async def stop(self) -> None:
        if self._runner is not None:
            self.heal()
            await self._runner.cleanup()

    async def outage(self, seconds: float) -> None:
        """Nobody listens; connections that were open are reset."""
        assert self._runner is not None
        if self._connections:
            self._faults.hit(Fault.OUTAGE)
        for site in list(self._runner.sites):
            await site.stop()
        self.heal()
        await asyncio.sleep(seconds)
        await self._listen()

    def heal(self) -> None:
        """Reset every connection, so that no watch stays silent."""
        for transport in list(self._connections):
            transport.abort()

    async def _serve(self, request: web.Request) -> web.StreamResponse:
        token = request.headers.get("Authorization", "").removeprefix("Bearer ")
        sender, transport = self.senders[token], request.transport
        if transport is None:
            raise web.HTTPBadRequest
        self._connections.add(transport)
        try:
            call = Call(request.method, request.path, request.query.get("watch") == "true")
            if call.watches:
                return await self._watch(request, call)
            return await self._answer(request, await request.read(), call, sender)
        except (aiohttp.ClientError, ConnectionError):
            transport.abort()
            return web.Response()
        finally:
            self._connections.discard(transport)

    async def _answer(
        self, request: web.Request, body: bytes, call: Call, sender: Sender
    ) -> web.Response:
        async def forwarded() -> Answer:
            return await self._forward(request, body, call, sender)

        def kill() -> None:
            if sender.alive:  # else another request of it was faster
                sender.alive = False
                sender.kill()

        # Who is dead already, whose request arrived late by itself, cannot be hit.
        fault = self._faults.draw(call) if sender.alive else None
        if fault is not None:
            self._faults.hit(fault)
        answer: Answer | None = None
        match fault:
            case None:
                answer = await forwarded()
            case Fault.CONFLICT | Fault.TOO_MANY | Fault.INTERNAL | Fault.UNAVAILABLE:
                answer = _refused(fault, call, request.content_type == JSON_PATCH)
            case Fault.RESET:
                pass
            case Fault.ANSWER_LOST:
                await forwarded()
            case Fault.TIMED_OUT:
                await forwarded()
                answer = _status(504, "Timeout", {})
            case Fault.HELD:
                await asyncio.sleep(self._rng.uniform(0.2, PATIENCE * 0.7))
                answer = await forwarded()
            case Fault.GIVEN_UP:
                await asyncio.sleep(PATIENCE + self._rng.uniform(0.2, 6))
                answer = await forwarded()
            case Fault.STALE:
                answer = await forwarded()
                await asyncio.sleep(self._rng.uniform(0.2, PATIENCE * 0.7))
            case Fault.KILLED_BEFORE:
                kill()
            case Fault.KILLED_LATE:
                kill()
                await asyncio.sleep(self._rng.uniform(0.5, 10))
                await forwarded()
            case Fault.KILLED_AFTER:
                await forwarded()
                kill()
        if answer is None:
            if request.transport is not None:
                request.transport.abort()
            return web.Response()
        return web.Response(status=answer.status, headers=answer.headers, body=answer.body)

    async def _forward(
        self, request: web.Request, body: bytes, call: Call, sender: Sender
    ) -> Answer:
        transport = request.transport
        gone = not sender.alive or transport is None or transport.is_closing()
        name = json.loads(body)["metadata"]["name"] if call.creates_job else call.run_read
        async with self._api.session.request(
            call.method, self._target(request), data=body or None, headers=_headers(request)
        ) as response:
            text = await response.read()
            answer = Answer(response.status, {"Content-Type": response.content_type}, text)
        if name is None or answer.status not in (200, 201):
            return answer
        meta = json.loads(text)["metadata"]
        if call.creates_job:
            self.made_jobs[meta["uid"]] = MadeJob(gone, sender.known.get(name, 0))
        else:
            sender.known[name] = int(meta["resourceVersion"])
        return answer

    async def _watch(self, request: web.Request, call: Call) -> web.StreamResponse:
        async with self._api.session.get(
            self._target(request), headers=_headers(request)
        ) as upstream:
            if upstream.status != 200:
                return web.Response(status=upstream.status, body=await upstream.read())
            response = web.StreamResponse(headers={"Content-Type": "application/json"})
            await response.prepare(request)
            fault, after = self._faults.draw(call), self._rng.uniform(1, 15)
            stream = Stream(upstream, response, fault, after, self._faults)
            if not await stream.relay() and request.transport is not None:
                request.transport.abort()
            return response

    def _target(self, request: web.Request) -> str:
        return f"{self._api.server}{request.raw_path}"


def _headers(request: web.Request) -> dict[str, str]:
    kept = ("Accept", "Content-Type")
    headers = {name: request.headers[name] for name in kept if name in request.headers}
    return headers | {"Impersonate-User": USER, "Accept-Encoding": "identity"}


def _refused(fault: Fault, call: Call, is_json_patch: bool) -> Answer:
    return _status(*refusal(fault, call, is_json_patch))


def _status(code: int, reason: str, headers: dict[str, str]) -> Answer:
    status = {"kind": "Status", "status": "Failure", "code": code, "reason": reason}
    body = json.dumps(status | {"message": f"{reason} (a fault of the harness)"}).encode()
    return Answer(code, headers | {"Content-Type": "application/json"}, body)
