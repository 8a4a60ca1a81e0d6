"""Runs the operator: ``python -m agentrun_operator``, in a cluster or against a kubeconfig."""

import asyncio
import logging
import os
import signal
import socket
import uuid

import kopf

from . import edge, health
from .controller import Controller
from .kube import NO_ANSWER, ApiError, Kube, read_deep_json
from .lease import Lease
from .settings import Settings

logger = logging.getLogger(__name__)
START_RETRY_SECONDS = 2.0


async def run(settings: Settings) -> None:
    """Run until SIGTERM or SIGINT. Runs and their pods are left alone then."""
    stop = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    kube = await Kube.connect()
    controller = Controller(kube, settings.installation)
    lease = Lease(kube, settings.namespace, f"{socket.gethostname()}-{uuid.uuid4()}")
    server = await health.serve(controller, settings.health_port) if settings.health_port else None
    lead = None
    try:
        if await _started(controller, stop):
            lead = asyncio.create_task(_lead(controller, lease))
            await _watch(controller, kube.server)
    finally:
        if lead is not None:
            lead.cancel()
        await controller.stop()
        await lease.release()
        if server is not None:
            await server.cleanup()
        await kube.close()


async def _lead(controller: Controller, lease: Lease) -> None:
    """Work while the lease is held, and not a moment longer."""
    try:
        await lease.acquire()
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(lease.keep())
            tasks.create_task(_work(controller))
    except Exception:
        logger.exception("Ending at once, so that nothing is half done for long")
        os._exit(1)


async def _work(controller: Controller) -> None:
    """Begin to work as soon as the API server answers."""
    while True:
        try:
            await controller.work()
        except (ApiError, *NO_ANSWER) as error:
            logger.warning("Cannot work yet: %r", error)
            await asyncio.sleep(START_RETRY_SECONDS)
        else:
            break


async def _started(controller: Controller, stop: asyncio.Event) -> bool:
    """Start as soon as the API server answers and the CRDs are there."""
    while not stop.is_set():
        try:
            await controller.start()
        except (ApiError, *NO_ANSWER) as error:
            logger.warning("Cannot start yet, are the CRDs installed? %r", error)
            try:
                await asyncio.wait_for(stop.wait(), START_RETRY_SECONDS)
            except TimeoutError:
                continue
        else:
            logger.info("Everything has been read")
            return True
    return False


async def _watch(controller: Controller, server: str) -> None:
    """Watch until a signal comes: kopf takes SIGTERM and SIGINT over."""
    settings = kopf.OperatorSettings()
    edge.configure(settings)
    await kopf.operator(
        registry=edge.registry(controller, server),
        settings=settings,
        # kopf would ask for its user's name, and a container has none for its user id.
        identity=socket.gethostname(),  # type: ignore[arg-type]
        standalone=True,
        clusterwide=True,
    )


def main() -> None:
    read_deep_json()
    kopf.configure(verbose=False, log_format=kopf.LogFormat.JSON)
    logging.getLogger("kopf").setLevel(logging.WARNING)
    asyncio.run(run(Settings.from_environment()))


if __name__ == "__main__":
    main()
