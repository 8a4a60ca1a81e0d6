"""What runs in the containers of simulated pods: agents, and the clean-up's real code."""

import asyncio
import json
import os
import sys
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from random import Random
from signal import SIGKILL
from typing import Protocol

from agentrun_kube.names import LABEL_RUN_UID
from agentrun_store import RunRolledBackError
from agentrun_store.history import History
from agentrun_store.names import check_run
from agentrun_store.records import checkpoint_entry
from agentrun_store.summary import summary
from agentrun_store.thread import Store
from objects import Object, label, name_of, uid_of
from simulated.container import SIGKILLED, STOPPED, Exit

RUNNER_CODE = Path(__file__).parents[3] / "runner-image"
THREAD_ID = "thread"
# How an agent takes SIGTERM: it ends soon; it writes once more; its supervisor kills it when the
# grace period is nearly over; nothing of it reacts, and the kubelet has to kill it.
TEMPERS = ("meek", "meek", "busy", "deaf", "stuck")


class Witness(Protocol):
    """Who is told of what agents do, as they do it."""

    finishing: bool  # no agent waits any longer

    def starting(self, agent: "Agent") -> None: ...
    def wrote(self, agent: "Agent", checkpoint: str) -> None: ...
    def found(self, agent: "Agent", checkpoint: str | None) -> None: ...
    def completed(self, agent: "Agent") -> None: ...


def env_of(pod: Object) -> dict[str, str]:
    return {e["name"]: e["value"] for e in pod["spec"]["containers"][0]["env"]}


class Process:
    """The one container of a pod, from its start on."""

    exit: Exit | None = None

    def __init__(self, pod: Object) -> None:
        self.pod = pod
        self.task = asyncio.create_task(self._run())

    @property
    def alive(self) -> bool:
        return self.exit is None

    async def _run(self) -> None:
        try:
            self.exit = await self.work()
        except asyncio.CancelledError:
            self.exit = Exit(SIGKILLED)

    async def work(self) -> Exit:
        raise NotImplementedError

    def terminate(self, grace: float, /) -> None:
        """SIGTERM."""
        raise NotImplementedError

    def kill(self) -> None:
        """SIGKILL."""
        self.task.cancel()


class Agent(Process):
    def __init__(self, pod: Object, root: Path, rng: Random, witness: Witness) -> None:
        self.name, self.pod_uid = name_of(pod), uid_of(pod)
        self.run_uid = label(pod, LABEL_RUN_UID) or ""
        self.job_uid = label(pod, "batch.kubernetes.io/controller-uid") or ""
        self.root = root
        self.thread = env_of(pod)["AGENTRUN_THREAD"]
        self._history = History(Store(root).thread(self.thread))
        self._witness = witness
        self._rng = rng
        self._told = asyncio.Event()
        self._grace = 0.0
        self._temper = rng.choice(TEMPERS)
        # Some hold until they are stopped.
        self._steps = rng.choice((1, 3, 4, 6, 8, 12, 1000))
        self._fails_at = rng.choice((None, None, None, rng.randrange(6)))
        witness.starting(self)
        super().__init__(pod)

    async def work(self) -> Exit:
        newest = self._history.newest(THREAD_ID, "")
        self._witness.found(self, newest.record.meta["id"] if newest else None)
        for step in range(self._steps):
            if await self._told_within(self._rng.uniform(0.1, 0.6)):
                return await self._stop()
            if step == self._fails_at:
                return self._fail()
            try:
                self._checkpoint()
            except RunRolledBackError:
                return Exit(2, self._account("Failed", reason="RunRolledBack"))
            if self._witness.finishing:
                break
        # The line: nothing told it to stop before it had completed.
        if self._told.is_set():
            return await self._stop()
        self._witness.completed(self)
        return Exit(0, self._account("Succeeded"))

    def terminate(self, grace: float) -> None:
        self._grace = grace
        self._told.set()

    async def _told_within(self, seconds: float) -> bool:
        with suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await self._told.wait()
        return self._told.is_set()

    async def _stop(self) -> Exit:
        if self._temper == "stuck":
            await asyncio.Event().wait()
        if self._temper == "deaf":
            await asyncio.sleep(self._grace * 0.8)
            return Exit(STOPPED, self._account("Stopped", forced=True))
        await asyncio.sleep(self._rng.uniform(0, 0.4))
        if self._temper == "busy":
            with suppress(RunRolledBackError):
                self._checkpoint()
        return Exit(STOPPED, self._account("Stopped"))

    def _fail(self) -> Exit:
        account = self._account("Failed", reason="AgentFailed")
        ways = (Exit(1, account), Exit(1, account), Exit(2, account))
        return self._rng.choice((*ways, Exit(SIGKILLED, reason="OOMKilled")))

    def _checkpoint(self) -> None:
        checkpoint = f"{time.time_ns():020}"  # ids of one process have to be in order
        newest = self._history.newest(THREAD_ID, "")
        entry = checkpoint_entry(
            thread_id=THREAD_ID,
            ns="",
            checkpoint_id=checkpoint,
            parent_id=newest.record.meta["id"] if newest else None,
            metadata={},
            typed=("json", json.dumps({"by": self.run_uid}).encode()),
        )
        self._history.segment_of(check_run(self.run_uid)).append(entry)
        self._witness.wrote(self, checkpoint)

    def _account(self, result: str, **more: object) -> str:
        last, count = summary(self.root, self.thread, self.run_uid)
        return json.dumps({"result": result, "checkpoint": {"id": last, "count": count}, **more})


class CleanUp(Process):
    """The clean-up as the runner image has it, in a process of its own."""

    def __init__(
        self,
        pod: Object,
        root: Path,
        scratch: Path,
        cut_after: float | None,
        cut: Callable[[], None],
    ) -> None:
        self._root = root
        self._message = scratch / f"{uid_of(pod)}.message"
        self._cut_after = cut_after
        self._cut = cut
        super().__init__(pod)

    async def work(self) -> Exit:
        code = (
            "import sys; from pathlib import Path; from agentrun_store.cleanup import main;"
            "sys.exit(main(Path(sys.argv[1]), Path(sys.argv[2])))"
        )
        environment = env_of(self.pod) | {
            "PYTHONPATH": str(RUNNER_CODE),
            "PATH": os.environ["PATH"],
        }
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-S", "-c", code, str(self._root), str(self._message)),
            env=environment,
            stdout=asyncio.subprocess.DEVNULL,
        )
        try:
            async with asyncio.timeout(self._cut_after):
                status = await process.wait()
        except TimeoutError:
            self._cut()
            status = -SIGKILLED
        finally:
            with suppress(ProcessLookupError):
                os.kill(process.pid, SIGKILL)
            await process.wait()
        message = self._message.read_text() if self._message.exists() else ""
        return Exit(status, message) if status >= 0 else Exit(SIGKILLED, message)

    def terminate(self, _: float) -> None:
        self.kill()
