"""What runs in the simulated pods: agents that hold until they are told to stop or end at once."""

import asyncio
import json

from agentrun_kube.names import COMPONENT_CLEANUP, LABEL_COMPONENT
from chaos.processes.processes import Process, env_of
from objects import Object, label, name_of
from simulated.container import STOPPED, Exit

# How the names of runs and raw Jobs begin whose agents end at once.
QUICK = "quick"
# From SIGTERM to the end of a well-behaved agent.
STOP_SECONDS = 0.1
CLEANUP_SECONDS = 0.3


class Agent(Process):
    """Takes SIGTERM at once, and never writes a checkpoint."""

    def __init__(self, pod: Object) -> None:
        self._is_quick = name_of(pod).startswith(QUICK)
        self._told = asyncio.Event()
        super().__init__(pod)

    async def work(self) -> Exit:
        if self._is_quick:
            return Exit(0, _report("Succeeded"))
        await self._told.wait()
        await asyncio.sleep(STOP_SECONDS)
        return Exit(STOPPED, _report("Stopped"))

    def terminate(self, _: float) -> None:
        self._told.set()


class CleanUp(Process):
    """Finds nothing to delete."""

    async def work(self) -> Exit:
        await asyncio.sleep(CLEANUP_SECONDS)
        work = json.loads(env_of(self.pod)["AGENTRUN_CLEANUP"])
        return Exit(0, json.dumps({"runs": {run["uid"]: {"checkpoints": 0} for run in work}}))

    def terminate(self, _: float) -> None:
        self.kill()


def start(pod: Object) -> Process:
    """The one container of a run's, a raw Job's or a clean-up's pod."""
    return CleanUp(pod) if label(pod, LABEL_COMPONENT) == COMPONENT_CLEANUP else Agent(pod)


def _report(result: str) -> str:
    return json.dumps({"result": result, "checkpoint": {"id": None, "count": 0}})
