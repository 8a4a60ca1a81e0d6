"""The operator's processes: started, killed, frozen, and started again, as a Deployment would."""

import asyncio
import itertools
import json
import os
import re
import signal
import sys
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from random import Random

from .faults import Fault, Faults
from .launcher import SKEW
from .proxy import Proxy, Sender

SKEWS = (*[0.0] * 6, 150.0, -150.0)
CODE = ("operator", "runner-image", "tests")
ROOT = Path(__file__).parents[3]
# What the operator may fail with, or end with so that it is started again: no API server.
EXPECTED = re.compile(
    r"agentrun_kube\.client\.connection\.(ApiError|TooLargeError)|aiohttp\.|(asyncio\.)?TimeoutError"
    r"|Connection|OSError"
)
RAISED = re.compile(r"[\w.]*(Error|Exception)\b")


class Replica:
    """One replica: a process, and another one when that has ended."""

    def __init__(self, operators: "Operators", namespace: str, delay: float) -> None:
        self._operators = operators
        self._namespace = namespace
        self._process: asyncio.subprocess.Process | None = None
        self.skew = 0.0
        self._task = asyncio.create_task(self._run(delay))

    async def _run(self, delay: float) -> None:
        await asyncio.sleep(delay)
        while True:
            self.skew = self._operators.skew()
            sender = self._operators.sender(self)
            try:
                self._process = await self._operators.launch(sender, self._namespace, self.skew)
                await self._process.wait()
            finally:
                sender.alive = False
            await asyncio.sleep(self._operators.rng.uniform(0.1, 1.0))

    def send(self, number: signal.Signals) -> bool:
        """Send the process a signal. Whether there is one."""
        if self._process is None or self._process.returncode is not None:
            return False
        # Not by the process object, which would collect the exit status, too.
        with suppress(ProcessLookupError):
            os.kill(self._process.pid, number)
        return True

    def kill(self) -> None:
        self.send(signal.SIGKILL)

    async def freeze(self, seconds: float) -> bool:
        try:
            frozen = self.send(signal.SIGSTOP)
            await asyncio.sleep(seconds if frozen else 0)
        finally:
            self.send(signal.SIGCONT)
        return frozen

    async def stop(self) -> None:
        self._task.cancel()
        self.kill()
        await asyncio.gather(self._task, return_exceptions=True)
        if self._process is not None:
            await self._process.wait()


class Operators:
    def __init__(
        self,
        proxy: Proxy,
        faults: Faults,
        rng: Random,
        image: str,
        instance: str,
        scratch: Path,
    ) -> None:
        """``instance``: the label of the runs that they work on, and nothing else does."""
        self._proxy = proxy
        self._faults = faults
        self._image = image
        self._instance = instance
        self._scratch = scratch
        self._numbers = itertools.count(1)
        self.rng = rng
        self.replicas: list[Replica] = []

    def add(self, namespace: str, delay: float = 0.0) -> Replica:
        """One more replica, whose Lease is in that namespace."""
        self.replicas.append(Replica(self, namespace, delay))
        return self.replicas[-1]

    async def remove(self, replica: Replica) -> None:
        self.replicas.remove(replica)
        await replica.stop()

    async def stop(self) -> None:
        for replica in list(self.replicas):
            await self.remove(replica)

    def skew(self) -> float:
        """By how much the clock of the next process is off."""
        skew = self.rng.choice(SKEWS) if self._faults.on else 0.0
        if skew:
            self._faults.hit(Fault.CLOCK)
        return skew

    def sender(self, replica: Replica) -> Sender:
        sender = Sender(f"operator-{next(self._numbers)}", replica.kill)
        self._proxy.senders[sender.token] = sender
        return sender

    async def launch(
        self, sender: Sender, namespace: str, skew: float
    ) -> asyncio.subprocess.Process:
        kubeconfig = self._scratch / f"{sender.token}.kubeconfig"
        kubeconfig.write_text(json.dumps(_kubeconfig(self._proxy.url, sender.token)))
        environment = {
            "PATH": os.environ["PATH"],
            "HOME": str(self._scratch),
            "KUBECONFIG": str(kubeconfig),
            "PYTHONPATH": os.pathsep.join(str(ROOT / part) for part in CODE),
            "AGENTRUN_RUNNER_IMAGE": self._image,
            "AGENTRUN_HEALTH_PORT": "0",
            "AGENTRUN_NAMESPACE": namespace,
            "AGENTRUN_INSTANCE": self._instance,
            SKEW: str(skew),
        }
        with (self._scratch / f"{sender.token}.log").open("w") as log:
            return await asyncio.create_subprocess_exec(
                sys.executable,
                "-m",
                "chaos.processes.launcher",
                env=environment,
                stdout=log,
                stderr=log,
            )

    def complaints(self) -> Iterator[str]:
        """What the operators have failed with, other than answers of the API server."""
        for path in sorted(self._scratch.glob("*.log")):
            for line in path.read_text().splitlines():
                text = json.loads(line).get("exc_info", "") if line.startswith("{") else line
                for raised in text.splitlines():
                    if RAISED.match(raised) and not EXPECTED.match(raised):
                        yield f"{path.stem}: {raised}"


def _kubeconfig(server: str, token: str) -> dict[str, object]:
    return {
        "apiVersion": "v1",
        "kind": "Config",
        "clusters": [{"name": "proxy", "cluster": {"server": server}}],
        "users": [{"name": "operator", "user": {"token": token}}],
        "contexts": [{"name": "proxy", "context": {"cluster": "proxy", "user": "operator"}}],
        "current-context": "proxy",
    }
