"""Many runs at once, beside as many raw Jobs, on simulated nodes."""

import asyncio
import shutil
import tempfile
from contextlib import AsyncExitStack
from pathlib import Path

from bench.ground import Ground
from bench.waves.meter import Meter
from bench.waves.operators import LEASE, NAMESPACE, Operators
from bench.waves.parts import Parts
from bench.waves.place import NAMESPACES as SPREAD
from bench.waves.place import NODES, Place
from bench.waves.readings import LeaseWatch
from bench.waves.report import report
from bench.waves.results import Results
from chaos.processes.api import Api

QUEUES = (100, 500)
MEDIUM = 1000  # the size that is spread over the namespaces, and in which the operator restarts


def measure(ground: Ground) -> str:
    scratch = Path(tempfile.mkdtemp(prefix="waves-"))
    results = asyncio.run(_measure(ground.sizes, scratch))
    shutil.rmtree(scratch)
    return report(results)


async def _measure(sizes: tuple[int, ...], scratch: Path) -> Results:
    async with AsyncExitStack() as stack:
        api = await Api.connect()
        stack.push_async_callback(api.close)
        place, operators = Place(api), Operators(api, scratch)
        lease = LeaseWatch(api, NAMESPACE, LEASE)
        stack.push_async_callback(lease.stop)
        parts = Parts(api, place, operators, lease, Meter(operators, lease))
        stack.push_async_callback(place.remove)
        stack.push_async_callback(operators.stop)
        stack.push_async_callback(parts.stop)
        await place.set_up()
        await operators.start()
        await parts.learn()
        return await _all(sizes, place, parts)


async def _all(sizes: tuple[int, ...], place: Place, parts: Parts) -> Results:
    results = Results(nodes=NODES, namespaces=SPREAD)
    medium = MEDIUM if MEDIUM in sizes else max(sizes)
    (first, *_) = place.namespaces
    for size in sizes:
        waves, restart = await parts.waves(size, [first], restart=size == medium)
        results.waves[size] = waves
        results.restart = results.restart or restart
    results.spread, _ = await parts.waves(medium, place.namespaces)
    for length in QUEUES:
        if length <= max(sizes):
            results.queues[length] = await parts.queue(length)
    return results
