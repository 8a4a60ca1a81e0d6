"""The operator's replicas, as processes of this machine: two, as in the Deployment.

They are the code of this checkout, with the rights of the deployed service account. Their
instance id keeps them and the deployed operator to their own runs.
"""

import asyncio
import json
import os
import signal
import sys
import time
from pathlib import Path

from bench.api import MeasurementError
from bench.setting import runner_image
from bench.waves import launcher
from bench.waves.readings import Usage, usage
from chaos.processes.api import Api, Object, eventually
from cluster import kubectl
from cluster.paths import CHECKOUT

NAMESPACE = "agentrun-system"
ACCOUNT = "agentrun-operator"
INSTANCE = "waves"
LEASE = f"{ACCOUNT}-{INSTANCE}"
TOKEN_SECONDS = 12 * 3600
HAS_READ = "Everything has been read"
LEADS = "Holding the lease"
PATIENCE = 60.0
QUIET_SECONDS = 3.0


class Replica:
    """One process. Times are in Unix seconds."""

    def __init__(self, process: asyncio.subprocess.Process, scratch: Path, name: str) -> None:
        self._process = process
        self._log = scratch / f"{name}.log"
        self.requests = scratch / f"{name}.requests"
        self.started_at = time.time()

    @classmethod
    async def start(cls, scratch: Path, name: str, kubeconfig: Path) -> "Replica":
        environment = {
            "PATH": os.environ["PATH"],
            "HOME": str(scratch),
            "KUBECONFIG": str(kubeconfig),
            "PYTHONPATH": str(CHECKOUT / "operator"),
            "AGENTRUN_RUNNER_IMAGE": runner_image(),
            "AGENTRUN_HEALTH_PORT": "0",
            "AGENTRUN_NAMESPACE": NAMESPACE,
            "AGENTRUN_INSTANCE": INSTANCE,
            launcher.REQUESTS: str(scratch / f"{name}.requests"),
        }
        with (scratch / f"{name}.log").open("w") as log:
            process = await asyncio.create_subprocess_exec(
                *(sys.executable, "-P", launcher.__file__), env=environment, stdout=log, stderr=log
            )
        return cls(process, scratch, name)

    async def stop(self) -> None:
        """As the kubelet stops it."""
        if self._process.returncode is None:
            self._process.send_signal(signal.SIGTERM)
        await self._process.wait()

    async def has_said(self, message: str) -> None:
        async def found() -> bool:
            self.check()
            return message in self._log.read_text()

        await eventually(found, PATIENCE)

    def check(self) -> None:
        """Raises MeasurementError if it has ended."""
        if self._process.returncode is not None:
            end = self._log.read_text()[-2000:]
            raise MeasurementError(f"a replica of the operator has ended by itself: {end}")

    def usage(self) -> Usage:
        self.check()
        return usage(Path(f"/proc/{self._process.pid}"))

    def forget_peak(self) -> None:
        """From now on, the peak of its memory is what comes."""
        Path(f"/proc/{self._process.pid}/clear_refs").write_text("5")


class Operators:
    """A leader, and a standby beside it."""

    def __init__(self, api: Api, scratch: Path) -> None:
        self._api = api
        self._scratch = scratch
        self._kubeconfig = scratch / "kubeconfig"
        self._count = 0
        self._replicas: list[Replica] = []

    @property
    def leader(self) -> Replica:
        return self._replicas[0]

    @property
    def standby(self) -> Replica:
        return self._replicas[1]

    async def start(self) -> None:
        """Start the leader, and when it works, the standby."""
        if not self._kubeconfig.exists():
            self._kubeconfig.write_text(json.dumps(await self._configuration()))
        await self._start()
        await self.leader.has_said(LEADS)
        await self._start()
        await self.standby.has_said(HAS_READ)

    async def stop(self) -> None:
        for replica in reversed(self._replicas):
            await replica.stop()
        self._replicas = []

    async def quiet(self) -> None:
        """Wait until the leader has nothing left to do."""
        size = -1
        while True:
            self.leader.check()
            lines, _ = launcher.read(self.leader.requests, 0)
            told = sum(not line.split()[1].startswith("leases") for line in lines)
            if told == size:
                return
            size = told
            await asyncio.sleep(QUIET_SECONDS)

    async def _start(self) -> None:
        self._count += 1
        name = f"operator-{self._count}"
        self._replicas.append(await Replica.start(self._scratch, name, self._kubeconfig))

    async def _configuration(self) -> Object:
        """The current cluster's kubeconfig, with a token of the operator's service account."""
        config: Object = json.loads(
            kubectl("config", "view", "--raw", "--minify", "--flatten", "--output=json")
        )
        request = {
            "apiVersion": "authentication.k8s.io/v1",
            "kind": "TokenRequest",
            "spec": {"expirationSeconds": TOKEN_SECONDS},
        }
        path = f"/api/v1/namespaces/{NAMESPACE}/serviceaccounts/{ACCOUNT}/token"
        answer = await self._api.request("POST", path, request)
        for user in config["users"]:
            user["user"] = {"token": answer["status"]["token"]}
        return config
