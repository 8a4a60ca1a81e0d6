"""Runs the operator: ``python -m agentrun_operator``, in a cluster or against a kubeconfig."""

import asyncio
import logging
import os
import signal
import socket
import uuid

from agentrun_kube.client.kube import NO_ANSWER, ApiError, Kube, read_deep_json

from . import health, logs
from .admission import Admission
from .controller import Controller
from .lease import Lease
from .settings import Settings
from .state.watches import Watches

logger = logging.getLogger(__name__)
START_RETRY_SECONDS = 2.0


async def run(settings: Settings) -> None:
    """Run until SIGTERM or SIGINT. Runs and their pods are left alone then."""
    stop = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    kube = await Kube.connect()
    controller = Controller(kube, settings.installation)
    identity = f"{socket.gethostname()}-{uuid.uuid4()}"
    lease = Lease(kube, settings.namespace, identity, settings.installation.instance)
    intake = controller.intake
    server = await health.serve(intake, settings.health_port) if settings.health_port else None
    tasks: list[asyncio.Task[None]] = []
    try:
        if await _started(controller, stop):
            admission = Admission(kube, settings.namespace, settings.installation.pod_security)
            tasks.append(asyncio.create_task(_lead(controller, lease, admission)))
            tasks.append(asyncio.create_task(Watches(kube, intake).run()))
            await stop.wait()
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        await controller.stop()
        await lease.release()
        if server is not None:
            await server.cleanup()
        await kube.close()


async def _lead(controller: Controller, lease: Lease, admission: Admission) -> None:
    """Work while the lease is held, and end the process when it is lost."""
    try:
        await lease.acquire()
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(lease.keep())
            tasks.create_task(_work(controller))
            tasks.create_task(admission.keep_looking())
    except Exception:
        logger.exception("Ending at once; the next leader continues")
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


def main() -> None:
    read_deep_json()
    logs.configure()
    asyncio.run(run(Settings.from_environment()))


if __name__ == "__main__":
    main()
