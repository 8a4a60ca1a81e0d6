"""Which replica works: the one that holds a Lease. The others watch, so that they can take over.

The lease saves double work; safety does not rest on it, but on what each write carries
(resourceVersion, UID, a name that there can be only once). Times and terms are those of client-go's
leader election: https://pkg.go.dev/k8s.io/client-go/tools/leaderelection
"""

import asyncio
import logging
from datetime import UTC, datetime
from typing import Any, Never

from agentrun_kube.client.kube import NO_ANSWER, ApiError, Kube
from agentrun_kube.names import MANAGED_BY

logger = logging.getLogger(__name__)

DURATION_SECONDS = 15.0  # a lease that its holder has not renewed for so long is free
RENEW_DEADLINE_SECONDS = 10.0  # a holder that could not renew for so long stops
RETRY_SECONDS = 2.0


class LeaseLostError(Exception):
    """Another replica holds the lease."""


class Lease:
    def __init__(
        self, kube: Kube, namespace: str, identity: str, instance: str | None = None
    ) -> None:
        self._kube = kube
        self._namespace = namespace
        self._name = MANAGED_BY if instance is None else f"{MANAGED_BY}-{instance}"
        self._identity = identity
        # Another's lease: its resourceVersion, and when that was first seen.
        self._seen: tuple[str, float] | None = None
        # As this replica wrote it last: so that a renewal is one request, as client-go's is.
        self._held: dict[str, Any] | None = None

    async def acquire(self) -> None:
        """Return when the lease is held."""
        while True:
            if await self._try():
                break
            await asyncio.sleep(RETRY_SECONDS)
        logger.info("Holding the lease as %s", self._identity)

    async def keep(self) -> Never:
        """Renew the lease. Raises LeaseLostError; TimeoutError if it cannot be renewed in time."""
        while self._seen is None:
            async with asyncio.timeout(RENEW_DEADLINE_SECONDS):
                await self._renew()
        raise LeaseLostError("Another replica holds the lease")

    async def _renew(self) -> None:
        held = False
        while not held and self._seen is None:
            await asyncio.sleep(RETRY_SECONDS)
            held = await self._try()

    async def release(self) -> None:
        """Release the lease, so that another replica need not wait until it expires."""
        try:
            lease = await self._get()
            if lease is not None and lease["spec"].get("holderIdentity") == self._identity:
                await self._write(lease, "")
        except (ApiError, *NO_ANSWER) as error:
            logger.warning("The lease was not released: %r", error)

    async def _try(self) -> bool:
        """Take or renew the lease; whether it is held now."""
        try:
            async with asyncio.timeout(RENEW_DEADLINE_SECONDS / 2):
                if await self._renewed_unread():
                    return True
                lease = await self._get()
                if lease is None:
                    self._held = await self._create()
                elif self._is_mine_or_free(lease):
                    self._held = await self._write(lease, self._identity)
                else:
                    return False
        except (ApiError, TimeoutError, *NO_ANSWER) as error:
            if not isinstance(error, ApiError) or error.status != 409:
                logger.warning("The lease was not renewed: %r", error)
            return False
        self._seen = None
        return True

    async def _renewed_unread(self) -> bool:
        """Whether the lease is renewed as it was written last; False: it has to be read."""
        held, self._held = self._held, None
        if held is None:
            return False
        try:
            self._held = await self._write(held, self._identity)
        except ApiError as error:
            if error.status not in (404, 409):
                raise
            return False
        return True

    def _is_mine_or_free(self, lease: dict[str, Any]) -> bool:
        holder = lease["spec"].get("holderIdentity")
        if not holder or holder == self._identity:
            return True
        # Only this process's clock counts: the times in the lease come from another's.
        version, time = lease["metadata"]["resourceVersion"], asyncio.get_running_loop().time()
        if self._seen is None or self._seen[0] != version:
            self._seen = (version, time)
        return time - self._seen[1] >= DURATION_SECONDS

    async def _get(self) -> dict[str, Any] | None:
        return await self._kube.get("leases", self._namespace, self._name)

    async def _create(self) -> dict[str, Any]:
        lease = {
            "apiVersion": "coordination.k8s.io/v1",
            "kind": "Lease",
            "metadata": {"name": self._name},
            "spec": self._spec(self._identity, transitions=0),
        }
        return await self._kube.create("leases", self._namespace, lease)

    async def _write(self, lease: dict[str, Any], holder: str) -> dict[str, Any]:
        spec = lease["spec"]
        same = holder == spec.get("holderIdentity")
        new = self._spec(holder, spec.get("leaseTransitions", 0) + (0 if same else 1))
        if same:
            del new["acquireTime"]
        patch = {
            "metadata": {"resourceVersion": lease["metadata"]["resourceVersion"]},
            "spec": new,
        }
        return await self._kube.merge_patch("leases", self._namespace, self._name, patch)

    @staticmethod
    def _spec(holder: str, transitions: int) -> dict[str, Any]:
        time = datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")
        return {
            "holderIdentity": holder,
            "leaseDurationSeconds": int(DURATION_SECONDS),
            "acquireTime": time,
            "renewTime": time,
            "leaseTransitions": transitions,
        }
