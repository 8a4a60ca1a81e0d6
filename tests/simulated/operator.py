"""One process of the operator: its own code, on the simulated cluster."""

import asyncio
import contextvars
import random
from collections.abc import Awaitable, Callable, Iterator
from contextlib import ExitStack, contextmanager
from random import Random
from unittest.mock import patch

from agentrun_kube.client.kube import NO_ANSWER, ApiError
from agentrun_operator import clock as operator_clock
from agentrun_operator import controller
from agentrun_operator.cleanups import reconcile
from agentrun_operator.controller import Controller
from agentrun_operator.installation import Installation
from agentrun_operator.state.watched import WATCHED
from objects import Object

from .apiserver import ApiServer, matches
from .clock import SKEW, Clock, VirtualLoop
from .kube import FakeKube, Fate, Request

WORKERS = 3
LONGEST_TURN = 300  # requests; an operator that sends more in one turn runs in circles


@contextmanager
def in_virtual_time(clock: Clock) -> Iterator[None]:
    """The operator reads this clock."""
    with ExitStack() as stack:
        stack.enter_context(patch.object(operator_clock, "now", clock.now))
        stack.enter_context(patch.object(controller, "WORKERS", WORKERS))
        stack.enter_context(patch.object(reconcile, "token_hex", _salt))
        yield


def _salt(_: int) -> str:
    """The same in each replay of a schedule, which seeds it."""
    return f"{random.getrandbits(64):016x}"


class OperatorProcess:
    def __init__(
        self, server: ApiServer, loop: VirtualLoop, skew: float, instance: str | None = None
    ) -> None:
        self._server = server
        self._loop = loop
        self.kube = FakeKube(server)
        self.controller = Controller(self.kube, Installation("runner", instance=instance))
        self._selectors = self.controller.intake.selectors
        self._inbox: dict[str, list[tuple[str, Object]]] = {plural: [] for plural in WATCHED}
        self.watches = False
        self.circles = False
        server.listeners.append(self._changed)
        context = contextvars.copy_context()
        context.run(SKEW.set, skew)
        self._main = context.run(loop.create_task, self._life())
        loop.spin()

    async def _life(self) -> None:
        await self._until_done(self.controller.start)
        self.watches = True
        for plural in WATCHED:
            self._list(plural)
        await self._until_done(self.controller.work)

    @staticmethod
    async def _until_done(step: Callable[[], Awaitable[None]]) -> None:
        while True:
            try:
                await step()
            except (ApiError, *NO_ANSWER):
                await asyncio.sleep(2)
            else:
                break

    # The watches

    def _list(self, plural: str) -> None:
        """A watch begins with what is there; what went before is never told."""
        found = self._server.select(plural, self._selectors[plural])
        self._inbox[plural] = [("ADDED", obj) for obj in found]

    def _changed(self, plural: str, old: Object | None, new: Object | None) -> None:
        if not self.watches or plural not in WATCHED:
            return
        was = old is not None and matches(old, self._selectors[plural])
        if new is not None and matches(new, self._selectors[plural]):
            self._inbox[plural].append(("MODIFIED", new))
        elif was and old is not None:
            # An object that leaves the selection arrives with its last state that was in it.
            meta = old["metadata"] | {"resourceVersion": str(self._server.version)}
            self._inbox[plural].append(("DELETED", old | {"metadata": meta}))

    def waiting_events(self, plural: str) -> int:
        return len(self._inbox[plural])

    def deliver(self, plural: str, count: int | None = None) -> None:
        """Hand over the oldest events of one watch; all if no count is given."""
        events_now, self._inbox[plural] = (
            self._inbox[plural][:count],
            [] if count is None else self._inbox[plural][count:],
        )
        for kind, obj in events_now:
            if kind == "DELETED":
                self.controller.intake.forget(plural, obj)
            else:
                self.controller.intake.learn(plural, obj)
        self._loop.spin()

    def coalesce(self, plural: str) -> None:
        """Of the events that wait, only the last of each object is left."""
        last = {(obj["metadata"]["uid"]): (kind, obj) for kind, obj in self._inbox[plural]}
        self._inbox[plural] = list(last.values())

    def lose(self, plural: str) -> None:
        """410 Gone: the watch begins anew."""
        if self.watches:
            self._list(plural)

    def deliver_all(self) -> None:
        for plural in WATCHED:
            self.deliver(plural)

    # Its requests

    def take(self, index: int = 0) -> Request:
        return self.kube.pending.pop(index % len(self.kube.pending))

    def turn(self, limit: int = LONGEST_TURN) -> None:
        """Serve its requests, in order, until it is quiet or the limit is reached."""
        self._loop.spin()
        for _ in range(limit):
            if not self.kube.pending:
                return
            self.take().serve()
            self._loop.spin()
        self.circles = self.circles or limit == LONGEST_TURN

    def crash(self, fates: Random, kinds: tuple[Fate, ...]) -> list[Request]:
        """SIGKILL. Returns the writes that will take effect much later."""
        pending, self.kube.pending = self.kube.pending, []
        self._server.listeners.remove(self._changed)
        self._main.cancel()
        self._loop.spin()
        stop = self._loop.create_task(self.controller.stop())
        self._loop.spin()
        assert stop.done()
        late = []
        for request in pending:
            fate = fates.choice(kinds)
            if fate is Fate.DONE and request.writes:
                request.serve()
            elif fate is Fate.LATE and request.writes:
                late.append(request)
        return late
