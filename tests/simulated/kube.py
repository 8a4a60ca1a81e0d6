"""The operator's connection to the simulated API server: each request waits until it is served."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum
from typing import Any

from agentrun_kube.client.kube import ApiError, Kube, Objects
from objects import NAMESPACE, Object

from .apiserver import ApiServer
from .policies import Who


@dataclass(eq=False)
class Request:
    """One request that was sent. ``perform`` is what it does when the server takes it in."""

    text: str
    writes: bool
    perform: Callable[[], Any]
    answer: asyncio.Future[Any]

    def serve(self) -> None:
        try:
            result = self.perform()
        except ApiError as error:
            self.fail(error)
        else:
            if not self.answer.done():
                self.answer.set_result(result)

    def fail(self, error: Exception) -> None:
        if not self.answer.done():
            self.answer.set_exception(error)


class Fate(Enum):
    """What becomes of a request whose sender hears nothing of it."""

    LOST = "lost"
    DONE = "done"
    LATE = "late"


class FakeKube(Kube):
    """The interface of Kube; ``instantly`` makes every request take effect at once."""

    def __init__(self, server: ApiServer) -> None:
        self.api_server = server
        self.pending: list[Request] = []
        self.instantly = False
        self._read_at: dict[str, int] = {}  # by name of a run: version of the last direct answer

    async def get(self, plural: str, namespace: str | None, name: str) -> Object | None:
        assert namespace in (None, NAMESPACE)

        def perform() -> Object | None:
            self._note_run(plural, name)
            return self.api_server.get(plural, name)

        found: Object | None = await self._ask(f"get {plural}/{name}", False, perform)
        return found

    async def list(
        self, plural: str, namespace: str | None = None, **selectors: str
    ) -> tuple[list[Object], int]:
        assert namespace in (None, NAMESPACE)

        def perform() -> tuple[list[Object], int]:
            return self.api_server.select(plural, selectors), self.api_server.version

        answer: tuple[list[Object], int] = await self._ask(f"list {plural}", False, perform)
        return answer

    async def each(
        self,
        plural: str,
        take: Callable[[Object], None],
        namespace: str | None = None,
        **selectors: str,
    ) -> int:
        found, version = await self.list(plural, namespace, **selectors)
        for obj in found:
            take(obj)
        return version

    async def some(
        self, plural: str, count: int, namespace: str | None = None, **selectors: str
    ) -> Objects:
        found, _ = await self.list(plural, namespace, **selectors)
        return found[:count]

    async def log(self, *_: object) -> str | None:
        """It is gone: no termination message is cut here."""
        return None

    async def create(self, plural: str, namespace: str, obj: Object) -> Object:
        assert namespace == NAMESPACE
        if plural == "events":
            return obj  # Events are news, not state: nothing hangs on them
        name = obj["metadata"]["name"]
        known = self._read_at.get(name, 0)

        def perform() -> Object:
            self.api_server.known = known
            return self.api_server.create(plural, obj)

        made: Object = await self._ask(f"create {plural}/{name}", True, perform)
        return made

    async def delete(
        self, plural: str, namespace: str, name: str, uid: str, grace_seconds: int | None = None
    ) -> bool:
        assert namespace == NAMESPACE
        propagation = "Foreground" if plural == "jobs" else "Background"

        def perform() -> bool:
            try:
                self.api_server.delete(
                    plural, name, uid=uid, propagation=propagation, grace=grace_seconds
                )
            except ApiError as error:
                if error.status not in (404, 409):
                    raise
                return False
            return True

        text = f"delete {plural}/{name} grace={grace_seconds}"
        done: bool = await self._ask(text, True, perform)
        return done

    async def merge_patch(self, plural: str, namespace: str, name: str, patch: Object) -> Object:
        assert namespace == NAMESPACE

        def perform() -> Object:
            patched = self.api_server.patch(plural, name, patch)
            self._note_run(plural, name)
            return patched

        text = f"patch {plural}/{name} {_short(patch)}"
        patched: Object = await self._ask(text, True, perform)
        return patched

    async def replace_status(
        self, plural: str, namespace: str, name: str, status: Object, version: str
    ) -> Object:
        assert namespace == NAMESPACE

        def perform() -> Object:
            replaced = self.api_server.replace_status(plural, name, status, version)
            self._note_run(plural, name)
            return replaced

        text = f"status of {plural}/{name} phase={status.get('phase')}"
        replaced: Object = await self._ask(text, True, perform)
        return replaced

    def _note_run(self, plural: str, name: str) -> None:
        """The answer to a write tells as much as a read."""
        if plural == "agentruns":
            self._read_at[name] = self.api_server.version

    async def _ask(self, text: str, writes: bool, perform: Callable[[], Any]) -> Any:
        def act() -> Any:
            with self.api_server.acting_as(Who.OPERATOR):
                return perform()

        if self.instantly:
            return act()
        answer: asyncio.Future[Any] = asyncio.get_running_loop().create_future()
        self.pending.append(Request(text, writes, act, answer))
        return await answer


def _short(patch: Object) -> str:
    if "finalizers" in patch["metadata"]:
        return f"finalizers={patch['metadata']['finalizers']}"
    return str(patch.get("spec"))
