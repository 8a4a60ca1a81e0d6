"""Liveness and readiness over HTTP, for the kubelet."""

import asyncio

from aiohttp import web

from .controller import LONGEST_RECONCILE_SECONDS, RESYNC_SECONDS
from .state.intake import Intake

# Alive means that the event loop runs, that the last full read of the API server is recent (it
# makes up for a silent watch), and that the workers make progress: every namespace with work gets
# its turn, and no worker stays on one key. A long queue is no sign of trouble.
LONGEST_SILENCE = 4 * RESYNC_SECONDS
LONGEST_WAIT = 3 * LONGEST_RECONCILE_SECONDS
LONGEST_WORK = 2 * LONGEST_RECONCILE_SECONDS


def trouble(intake: Intake, now: float) -> str:
    """Why the kubelet should restart this process; empty if it should not."""
    if intake.last_sync is None:
        return ""
    for seconds, longest, what in (
        (now - intake.last_sync, LONGEST_SILENCE, "no full read"),
        (intake.queue.longest_wait(), LONGEST_WAIT, "a namespace has had no turn"),
        (intake.queue.longest_work(), LONGEST_WORK, "a worker has been on one key"),
    ):
        if seconds > longest:
            return f"{what} for {seconds:.0f} s"
    return ""


async def serve(intake: Intake, port: int) -> web.AppRunner:
    """Serve /livez and /readyz until the runner is cleaned up."""

    async def livez(_: web.Request) -> web.Response:
        found = trouble(intake, asyncio.get_running_loop().time())
        return web.Response(status=500 if found else 200, text=found or "ok")

    async def readyz(_: web.Request) -> web.Response:
        if intake.last_sync is None:
            return web.Response(status=503, text="the first full read has not been done")
        return web.Response(text="ok")

    app = web.Application()
    app.add_routes([web.get("/livez", livez), web.get("/readyz", readyz)])
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    await web.TCPSite(runner, port=port).start()
    return runner
