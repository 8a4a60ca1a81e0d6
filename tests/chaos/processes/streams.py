"""A watch on its way to an operator, and what may befall it."""

import asyncio
import json

import aiohttp
from aiohttp import web

from .faults import Fault, Faults
from .times import SILENCE

EXPIRED = {
    "type": "ERROR",
    "object": {
        "kind": "Status",
        "apiVersion": "v1",
        "status": "Failure",
        "message": "too old resource version",
        "reason": "Expired",
        "code": 410,
    },
}


class Stream:
    """``fault`` begins ``after`` seconds; it counts if it has kept something from the operator."""

    def __init__(
        self,
        upstream: aiohttp.ClientResponse,
        response: web.StreamResponse,
        fault: Fault | None,
        after: float,
        faults: Faults,
    ) -> None:
        self._upstream = upstream
        self._response = response
        self._fault = fault
        self._after = after
        self._faults = faults

    async def relay(self) -> bool:
        """Pass events on. Returns whether the stream has ended as the server ended it."""
        begins = asyncio.timeout(None if self._fault is None else self._after)
        try:
            async with begins:
                async for line in self._upstream.content:
                    await self._response.write(line)
                return True
        except TimeoutError:
            if not begins.expired() or not self._faults.on:
                return False
        if self._fault == Fault.CUT:
            self._faults.hit(Fault.CUT)
            return False
        if self._fault == Fault.SILENT:
            if await self._swallow():
                self._faults.hit(Fault.SILENT)
            return False
        if not await self._swallow("DELETED"):
            return False
        self._faults.hit(Fault.GONE)
        await self._response.write(json.dumps(EXPIRED).encode() + b"\n")
        return True

    async def _swallow(self, until: str = "") -> bool:
        """Keep all events back for a while; whether there were any (of the type, then at once)."""
        kept = False
        try:
            async with asyncio.timeout(SILENCE):
                async for line in self._upstream.content:
                    kind = _type_of(line)
                    if until and kind == until:
                        return True
                    kept = kept or kind != "BOOKMARK"
        except TimeoutError:
            pass
        return kept and not until


def _type_of(line: bytes) -> str:
    try:
        return str(json.loads(line)["type"])
    except ValueError:
        return ""  # the rest of a line whose beginning was lost as the fault began
