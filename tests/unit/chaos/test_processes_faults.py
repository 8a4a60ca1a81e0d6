"""The proxy of layer 2: each kind of fault does what its name says."""

import asyncio
import json
from collections.abc import AsyncIterator, Callable
from contextlib import suppress
from random import Random

import aiohttp
import pytest
from aiohttp import web

from chaos.processes import faults as faults_module
from chaos.processes import proxy as proxy_module
from chaos.processes import streams
from chaos.processes.api import Api
from chaos.processes.faults import Call, Fault, Faults, refusal
from chaos.processes.proxy import Proxy, Sender

JOBS, PODS = "/apis/batch/v1/namespaces/ns/jobs", "/api/v1/pods"
JOB = {"metadata": {"name": "run", "uid": "job-uid", "resourceVersion": "7"}}
NO_ANSWER = (aiohttp.ClientError, ConnectionError)


class Server:
    """An API server that records its requests."""

    def __init__(self) -> None:
        self.asked: list[tuple[str, str, str]] = []  # method, path, user
        self.events: asyncio.Queue[dict[str, object]] = asyncio.Queue()
        self.closing = asyncio.Event()

    async def serve(self, request: web.Request) -> web.StreamResponse:
        user = request.headers["Impersonate-User"]
        self.asked.append((request.method, request.path, user))
        if request.query.get("watch") != "true":
            return web.json_response(JOB, status=201 if request.method == "POST" else 200)
        response = web.StreamResponse()
        await response.prepare(request)
        while not self.closing.is_set():
            with suppress(TimeoutError):
                event = await asyncio.wait_for(self.events.get(), 0.05)
                await response.write(json.dumps(event).encode() + b"\n")
        return response


class Scene:
    """A server, a proxy before it, and a client of the proxy."""

    def __init__(self, server: Server, proxy: Proxy, client: aiohttp.ClientSession) -> None:
        self.server = server
        self.proxy = proxy
        self.client = client
        self.killed = 0
        proxy.senders["me"] = self.sender = Sender("me", self._kill)

    def _kill(self) -> None:
        self.killed += 1

    def request(
        self, method: str, path: str, **query: str
    ) -> aiohttp.client._RequestContextManager:
        headers = {"Authorization": "Bearer me"}
        body = json.dumps(JOB) if method == "POST" else None
        url = f"{self.proxy.url}{path}"
        return self.client.request(method, url, data=body, params=query, headers=headers)

    async def status(self, method: str, path: str) -> int | None:
        """None if there is no answer."""
        try:
            async with self.request(method, path) as response:
                await response.read()
                return response.status
        except NO_ANSWER:
            return None


@pytest.fixture
async def scene(monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Callable[[Fault], Scene]]:
    monkeypatch.setattr(proxy_module, "PATIENCE", 0.3)
    monkeypatch.setattr(streams, "SILENCE", 0.3)
    server, planned = Server(), Planned()
    app = web.Application()
    app.router.add_route("*", "/{path:.*}", server.serve)
    runner = web.AppRunner(app, shutdown_timeout=0)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    session, client = aiohttp.ClientSession(), aiohttp.ClientSession()
    proxy = Proxy(Api(f"http://127.0.0.1:{runner.addresses[0][1]}", session), planned, Early())
    await proxy.start()

    def plan(fault: Fault) -> Scene:
        planned.next, planned.on = fault, True
        return Scene(server, proxy, client)

    yield plan
    server.closing.set()
    await client.close()
    await proxy.stop()
    await session.close()
    await runner.cleanup()


class Planned(Faults):
    """Draws what the test has planned."""

    next: Fault | None = None

    def __init__(self) -> None:
        super().__init__(Random(1))  # noqa: S311 (no secret)

    def draw(self, _: Call) -> Fault | None:
        fault, self.next = self.next, None
        return fault


class Early(Random):
    """All that is drawn is at once."""

    def uniform(self, *_: float) -> float:
        return 0.0


REFUSALS = {Fault.CONFLICT: 409, Fault.TOO_MANY: 429, Fault.INTERNAL: 500, Fault.UNAVAILABLE: 503}


@pytest.mark.parametrize("fault", REFUSALS)
async def test_a_refused_request_never_reaches_the_server(
    scene: Callable[[Fault], Scene], fault: Fault
) -> None:
    play = scene(fault)
    assert await play.status("POST", JOBS) == REFUSALS[fault]
    assert play.server.asked == []


@pytest.mark.parametrize("fault", [Fault.RESET, Fault.KILLED_BEFORE])
async def test_a_request_that_is_cut_off_never_reaches_the_server(
    scene: Callable[[Fault], Scene], fault: Fault
) -> None:
    play = scene(fault)
    assert await play.status("POST", JOBS) is None
    assert play.server.asked == []
    assert play.killed == (fault == Fault.KILLED_BEFORE)


@pytest.mark.parametrize("fault", [Fault.ANSWER_LOST, Fault.KILLED_AFTER, Fault.TIMED_OUT])
async def test_a_write_whose_answer_is_lost_has_landed(
    scene: Callable[[Fault], Scene], fault: Fault
) -> None:
    play = scene(fault)
    assert await play.status("POST", JOBS) == (504 if fault == Fault.TIMED_OUT else None)
    assert play.server.asked == [("POST", JOBS, proxy_module.USER)]
    assert play.killed == (fault == Fault.KILLED_AFTER)
    assert not play.proxy.made_jobs["job-uid"].late


@pytest.mark.parametrize("fault", [Fault.HELD, Fault.STALE])
async def test_a_request_that_is_held_back_is_served(
    scene: Callable[[Fault], Scene], fault: Fault
) -> None:
    play = scene(fault)
    assert await play.status("POST", JOBS) == 201
    assert not play.proxy.made_jobs["job-uid"].late


async def test_a_write_of_a_dead_sender_lands_late(scene: Callable[[Fault], Scene]) -> None:
    play = scene(Fault.KILLED_LATE)
    await play.status("POST", JOBS)
    assert play.killed == 1
    assert play.proxy.made_jobs["job-uid"].late


async def test_a_write_whose_sender_gave_up_lands_late(scene: Callable[[Fault], Scene]) -> None:
    play = scene(Fault.GIVEN_UP)
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0.1), play.request("POST", JOBS):
            pass
    async with asyncio.timeout(5):
        while "job-uid" not in play.proxy.made_jobs:  # noqa: ASYNC110 (no event for it)
            await asyncio.sleep(0.01)
    assert play.proxy.made_jobs["job-uid"].late


async def test_a_silent_watch_keeps_events_back_until_it_is_cut(
    scene: Callable[[Fault], Scene],
) -> None:
    play = scene(Fault.SILENT)
    async with play.request("GET", PODS, watch="true") as response:
        await play.server.events.put({"type": "DELETED"})
        with pytest.raises(aiohttp.ClientError):
            await response.content.readline()


async def test_a_deletion_in_the_gap_is_followed_by_410(scene: Callable[[Fault], Scene]) -> None:
    play = scene(Fault.GONE)
    async with play.request("GET", PODS, watch="true") as response:
        for kind in ("MODIFIED", "DELETED"):
            await play.server.events.put({"type": kind})
        event = json.loads(await response.content.readline())
        assert (event["type"], event["object"]["code"]) == ("ERROR", 410)
        assert await response.content.readline() == b""


async def test_no_connection_is_accepted_while_the_server_is_away(
    scene: Callable[[Fault], Scene],
) -> None:
    play = scene(Fault.CUT)
    async with play.request("GET", PODS, watch="true") as response:
        outage = asyncio.create_task(play.proxy.outage(0.3))
        with pytest.raises(aiohttp.ClientError):
            await response.content.readline()
        with pytest.raises(aiohttp.ClientConnectorError):
            async with play.request("GET", PODS):
                pass
        await outage
    assert await play.status("GET", PODS) == 200


def test_no_fault_is_drawn_while_faults_are_off() -> None:
    faults = Faults(Random(1))  # noqa: S311 (no secret)
    assert {faults.draw(Call("POST", JOBS)) for _ in range(1000)} == {None}


def test_every_fault_on_requests_is_drawn_sooner_or_later() -> None:
    faults = Faults(Random(1))  # noqa: S311 (no secret)
    faults.on = True
    calls = (Call("POST", JOBS), Call("GET", f"{PODS}/x"), Call("GET", PODS, watches=True))
    drawn = {faults.draw(call) for call in calls for _ in range(5000)}
    of_requests = {*faults_module._ANY, *faults_module._WRITE, *faults_module._WATCH}
    assert drawn == {None, *of_requests}


def test_a_delete_is_never_answered_with_a_conflict() -> None:
    faults = Faults(Random(1))  # noqa: S311 (no secret)
    faults.on = True
    drawn = {faults.draw(Call("DELETE", f"{JOBS}/run")) for _ in range(5000)}
    assert Fault.CONFLICT not in drawn
    assert Fault.ANSWER_LOST in drawn


def test_a_conflict_of_a_json_patch_is_answered_as_a_failed_test_operation() -> None:
    status, reason, _ = refusal(Fault.CONFLICT, Call("PATCH", JOBS), is_json_patch=True)
    assert (status, reason) == (422, "Invalid")
