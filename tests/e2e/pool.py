"""Namespaces for the tests, each created while the test before it runs: that saves seconds a test.

So the pool uses the cluster outside of tests, too. It holds the lock ``whole`` then, and a test
that breaks the cluster waits for it.
"""

from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path

from .alone import held
from .namespace import Namespace


class Pool:
    """Hands out namespaces that are set up. ``session`` marks them, and their names begin so."""

    def __init__(self, session: str, whole: Path, scratch: Path) -> None:
        self._session = session
        self._whole = whole
        self._scratch = scratch
        self._made = 0
        self._executor = ThreadPoolExecutor(1)
        self._next = self._begin()

    def take(self) -> Namespace:
        """A namespace that no other test has."""
        future, self._next = self._next, self._begin()
        return future.result()

    def give_back(self, namespace: Namespace) -> None:
        """Delete it, without waiting for its end."""
        with held(self._whole, alone=False):
            namespace.remove()

    def close(self) -> None:
        """Delete the one that no test has taken."""
        self.give_back(self._next.result())
        self._executor.shutdown()

    def _begin(self) -> Future[Namespace]:
        self._made += 1
        name = f"{self._session}-{self._made}"
        return self._executor.submit(self._make, name)

    def _make(self, name: str) -> Namespace:
        namespace = Namespace(name, self._scratch)
        with held(self._whole, alone=False):
            namespace.set_up(self._session)
        return namespace
