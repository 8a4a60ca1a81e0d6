"""The watches, against an API server that ends, refuses and forgets them."""

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any

import aiohttp
import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer
from kubernetes.aio import client

from agentrun_kube.client import kube as kube_module
from agentrun_kube.client.connection import Connection
from agentrun_kube.client.kube import Kube
from agentrun_operator.state import watches
from agentrun_operator.state.intake import Intake
from agentrun_operator.state.watches import Watches

Object = dict[str, Any]
Stream = Callable[["Server", web.StreamResponse], Awaitable[None]]


def run(name: str, version: int) -> Object:
    meta = {
        "name": name,
        "namespace": "ns",
        "uid": name,
        "resourceVersion": str(version),
        "creationTimestamp": "2026-01-01T00:00:00Z",
    }
    return {"metadata": meta, "spec": {"agentRef": {"name": "a"}, "input": {"text": "x"}}}


class Server:
    """Has some runs; each watch on them is what the next of ``streams`` makes of it."""

    def __init__(self, *runs: Object) -> None:
        self.runs = list(runs)
        self.version = 10
        self.refusals: list[int] = []
        self.streams: list[Stream] = []
        self.lists = 0
        self.watched: list[int] = []  # versions from which the runs were watched

    async def handle(self, request: web.Request) -> web.StreamResponse:
        query, is_runs = request.query, request.path.endswith("/agentruns")
        if "watch" not in query:
            self.lists += is_runs
            meta = {"resourceVersion": str(self.version)}
            return web.json_response({"metadata": meta, "items": self.runs if is_runs else []})
        if is_runs and self.refusals:
            return web.Response(status=self.refusals.pop(0))
        response = web.StreamResponse()
        await response.prepare(request)
        if is_runs and self.streams:
            self.watched.append(int(query["resourceVersion"]))
            await self.streams.pop(0)(self, response)
        else:
            await silence(self, response)
        return response


async def silence(_: Server, __: web.StreamResponse) -> None:
    await asyncio.Event().wait()


def tells(*events: tuple[str, Object], then: Stream | None = None) -> Stream:
    async def stream(server: Server, response: web.StreamResponse) -> None:
        for kind, obj in events:
            await response.write(json.dumps({"type": kind, "object": obj}).encode() + b"\n")
        if then is not None:
            await then(server, response)

    return stream


@asynccontextmanager
async def watching(server: Server) -> AsyncIterator[Intake]:
    app = web.Application()
    app.router.add_route("GET", "/{path:.*}", server.handle)
    async with TestServer(app, shutdown_timeout=0) as http:
        configuration = client.Configuration()
        configuration.host = str(http.make_url("")).rstrip("/")
        kube = Kube(Connection(client.ApiClient(configuration)))
        intake = Intake(kube, share=1)
        await intake.sync()
        task = asyncio.create_task(Watches(kube, intake).run())
        try:
            async with asyncio.timeout(10):
                yield intake
        finally:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)
            await kube.close()


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(watches, "FIRST_BACKOFF", 0.001)
    monkeypatch.setattr(watches, "LONGEST_BACKOFF", 0.001)


async def known(intake: Intake, *names: str) -> None:
    """Return when the cache has just these runs."""
    await until(lambda: {found.name for found in intake.cache.all("agentruns")} == set(names))


async def until(holds: Callable[[], bool]) -> None:
    while True:
        if holds():
            return
        await asyncio.sleep(0)


async def test_added_objects_are_learned_and_deleted_ones_are_forgotten() -> None:
    server = Server(run("a", 5))
    server.streams = [tells(("ADDED", run("b", 11)), ("DELETED", run("a", 12)), then=silence)]
    async with watching(server) as intake:
        await known(intake, "b")
    assert server.watched == [10]


async def test_a_watch_that_has_ended_resumes_at_its_last_version_without_a_full_read() -> None:
    server = Server(run("a", 5))
    bookmark = {"metadata": {"resourceVersion": "20"}}
    server.streams = [
        tells(("MODIFIED", run("a", 11))),
        tells(("BOOKMARK", bookmark)),
        tells(("ADDED", run("b", 21)), then=silence),
    ]
    async with watching(server) as intake:
        await known(intake, "a", "b")
    assert server.watched == [10, 11, 20]
    assert server.lists == 1


@pytest.mark.parametrize("code", [410, 500])
async def test_after_an_error_everything_is_read_and_what_was_deleted_unseen_is_forgotten(
    code: int,
) -> None:
    server = Server(run("a", 5))

    async def forget_all(server: Server, response: web.StreamResponse) -> None:
        server.runs, server.version = [run("b", 30)], 31
        await tells(("ERROR", {"code": code, "message": "too old"}))(server, response)

    server.streams = [forget_all, silence]
    async with watching(server) as intake:
        await known(intake, "b")
        await until(lambda: len(server.watched) == 2)
    assert server.watched == [10, 31]


async def test_a_refused_watch_is_retried_without_a_full_read() -> None:
    server = Server(run("a", 5))
    server.refusals = [429, 503, 429]
    server.streams = [tells(("ADDED", run("b", 11)), then=silence)]
    async with watching(server) as intake:
        await known(intake, "a", "b")
    assert server.lists == 1


async def test_a_silent_connection_is_replaced(monkeypatch: pytest.MonkeyPatch) -> None:
    patience = aiohttp.ClientTimeout(total=None, sock_read=0.05)
    monkeypatch.setattr(kube_module, "WATCH_TIMEOUT", patience)
    server = Server()
    server.streams = [silence, tells(("ADDED", run("a", 11)), then=silence)]
    async with watching(server) as intake:
        await known(intake, "a")


async def test_a_watch_whose_connection_breaks_resumes_at_its_last_version() -> None:
    async def breaks(_: Server, response: web.StreamResponse) -> None:
        request = response._req
        assert request is not None and request.transport is not None
        request.transport.abort()

    server = Server()
    server.streams = [
        tells(("ADDED", run("a", 11)), then=breaks),
        tells(("ADDED", run("b", 12)), then=silence),
    ]
    async with watching(server) as intake:
        await known(intake, "a", "b")
    assert server.watched == [10, 11]


async def test_an_object_that_cannot_be_read_hides_no_other(
    caplog: pytest.LogCaptureFixture,
) -> None:
    odd = run("odd", 11) | {"spec": {"agentRef": 7}}
    server = Server(run("a", 5), odd)
    server.streams = [tells(("MODIFIED", odd), ("ADDED", run("b", 12)), then=silence)]
    async with watching(server) as intake:
        await known(intake, "a", "b")
    assert "ns/odd" in caplog.text
