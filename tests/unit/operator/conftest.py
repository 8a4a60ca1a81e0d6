from collections.abc import AsyncIterator, Iterator

import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer
from kubernetes.aio import client

from agentrun_kube.client.connection import Connection
from agentrun_kube.client.kube import Kube
from simulated.world import World

from .simulated import new_world
from .wire import Wire


@pytest.fixture
def wire() -> Wire:
    return Wire()


@pytest.fixture
async def kube(wire: Wire) -> AsyncIterator[Kube]:
    """The operator's connection, to the other end of the wire."""
    app = web.Application()
    app.router.add_route("*", "/{path:.*}", wire.handle)
    async with TestServer(app) as server:
        configuration = client.Configuration()
        configuration.host = str(server.make_url("")).rstrip("/")
        kube = Kube(Connection(client.ApiClient(configuration)))
        yield kube
        await kube.close()


@pytest.fixture
def world() -> Iterator[World]:
    with new_world() as world:
        yield world
