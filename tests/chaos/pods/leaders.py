"""SIGKILL for the operator's leader, again and again."""

from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from random import Random
from threading import Event

from e2e.deployment import NAMESPACE
from e2e.kubectl import kubectl
from e2e.node import kill_python
from e2e.operators import DEPLOYED

# Seconds. When a leader is killed, its Lease goes on for 15 s.
A_LIFE = (5.0, 30.0)


@contextmanager
def leaders_killed(seed: str, kills: Counter[str]) -> Iterator[None]:
    """In here no leader lives for long. Afterwards the operator is complete again."""
    over = Event()
    random = Random(f"leaders/{seed}")  # noqa: S311 (no secret)

    def kill_them() -> None:
        while not over.wait(random.uniform(*A_LIFE)):
            _kill_leader()
            kills["leader of the operator killed"] += 1

    with ThreadPoolExecutor(1) as killer:
        killing = killer.submit(kill_them)
        try:
            yield
        finally:
            over.set()
            killing.result()
            DEPLOYED.start()


def _kill_leader() -> None:
    metadata = DEPLOYED.leader()["metadata"]
    kill_python(metadata["uid"])
    # As if its node had died: a container that is killed often would be started ever more slowly.
    options = ("-n", NAMESPACE, "--force", "--grace-period=0", "--wait=false")
    kubectl("delete", "pod", metadata["name"], *options)
