"""Liveness and readiness over HTTP, for the kubelet."""

import asyncio

from aiohttp import web

from .controller import RESYNC_SECONDS, Controller

# Alive means that the loop turns and that the server was read in full not too long ago; a watch
# that has gone silent is made good by that reading.
LONGEST_SILENCE = 4 * RESYNC_SECONDS


async def serve(controller: Controller, port: int) -> web.AppRunner:
    """Serve /livez and /readyz until the runner is cleaned up."""

    async def livez(_: web.Request) -> web.Response:
        if controller.last_sync is None:
            return web.Response(text="starting")
        silence = asyncio.get_running_loop().time() - controller.last_sync
        if silence > LONGEST_SILENCE:
            return web.Response(status=500, text=f"no full read for {silence:.0f} s")
        return web.Response(text="ok")

    async def readyz(_: web.Request) -> web.Response:
        if controller.last_sync is None:
            return web.Response(status=503, text="the first full read has not been done")
        return web.Response(text="ok")

    app = web.Application()
    app.add_routes([web.get("/livez", livez), web.get("/readyz", readyz)])
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    await web.TCPSite(runner, port=port).start()
    return runner
