"""Tells the judge what really happens, past the operators: on nodes, in stores, at the API server.

A round is judged at its end, when everything is known that excuses a violation.
"""

import asyncio
from collections.abc import Callable, Mapping
from pathlib import Path

from agentrun_kube.names import LABEL_COMPONENT, LABEL_RUN_UID
from agentrun_kube.termination_report import parse_report
from agentrun_store.history import History
from agentrun_store.summary import summary
from agentrun_store.thread import Store
from judge.excuses import HOMELESS
from judge.history import (
    Befell,
    Completed,
    Failures,
    JobMade,
    JobRequested,
    Process,
    ProcessEnded,
    ProcessStarted,
    Requested,
    RunWritten,
    Settled,
    Shown,
    StoreRead,
    ThreadRead,
    Wrote,
)
from judge.invariants import UNTRUE
from judge.judge import Judge
from objects import Object, label, name_of, owners, uid_of

from .api import Api
from .processes import THREAD_ID, Agent
from .proxy import MadeJob

BLIND = {UNTRUE: "it takes what befell each container, which the simulated nodes do not keep"}


def version_of(obj: Object) -> int:
    return int(obj["metadata"]["resourceVersion"])


class Recorder:
    """The witness of agents, and a watcher of runs, Jobs and pods."""

    def __init__(self) -> None:
        self.finishing = False
        self.judge = Judge(BLIND)
        self.agents = 0
        self._running: list[Agent] = []
        self._threads: dict[str, tuple[Path, str]] = {}  # by name: root of the store, directory
        self._job_gone: dict[str, int] = {}  # uid -> version
        self._pod_made: dict[str, int] = {}  # uid -> version
        self._tasks: list[asyncio.Task[None]] = []

    def watch(self, api: Api, namespace: str) -> None:
        sees: dict[str, Callable[[str, Object], None]] = {
            "agentruns": self.sees_run,
            "jobs": self.sees_job,
            "pods": self.sees_pod,
        }

        async def follow(plural: str) -> None:
            async for event, obj in api.watch(plural, namespace):
                sees[plural](event, obj)

        self._tasks = [asyncio.create_task(follow(plural)) for plural in sees]

    async def stop(self) -> None:
        for task in self._tasks:
            task.cancel()
        results = await asyncio.gather(*self._tasks, return_exceptions=True)
        for result in results:
            if not isinstance(result, asyncio.CancelledError | None):
                raise result

    # Users

    def requested(self, run_uid: str, what: str) -> None:
        self.judge.see(Requested(run_uid, what))

    def befell(self, uid: str, what: str) -> None:
        self.judge.see(Befell(uid, what))

    # Runs, Jobs and pods

    def sees_run(self, event: str, run: Object) -> None:
        self._tell_ends()
        self.judge.see(RunWritten(run, version_of(run), gone=event == "DELETED"))

    def sees_job(self, event: str, job: Object) -> None:
        uid = uid_of(job)
        if event == "DELETED":
            self._job_gone[uid] = version_of(job)
        run_uid = label(job, LABEL_RUN_UID)
        if run_uid and label(job, LABEL_COMPONENT) == "agent" and owners(job):
            self.judge.see(JobMade(run_uid, uid, version_of(job)))

    def sees_pod(self, _: str, pod: Object) -> None:
        self._pod_made.setdefault(uid_of(pod), version_of(pod))

    # Agents

    def starting(self, agent: Agent) -> None:
        self._tell_ends()
        self.agents += 1
        self._running.append(agent)
        self.judge.see(ProcessStarted(self._process(agent)))

    def _process(self, agent: Agent) -> Process:
        thread = self._thread(agent.root, agent.thread)
        return Process(agent.pod_uid, agent.name, agent.run_uid, thread, agent.job_uid)

    def _thread(self, root: Path, directory: str) -> str:
        name = f"{root.name}/{directory}"
        self._threads[name] = (root, directory)
        return name

    def _tell_ends(self) -> None:
        for agent in [agent for agent in self._running if not agent.alive]:
            self._running.remove(agent)
            self.judge.see(ProcessEnded(agent.pod_uid))

    def wrote(self, agent: Agent, checkpoint: str) -> None:
        self.judge.see(Wrote(agent.run_uid, self._thread(agent.root, agent.thread), checkpoint))

    def found(self, agent: Agent, checkpoint: str | None) -> None:
        """The state that an agent starts from."""
        name = self._thread(agent.root, agent.thread)
        self.judge.see(self._thread_read(name, checkpoint, self._process(agent)))

    def completed(self, agent: Agent) -> None:
        self.judge.see(Completed(agent.run_uid))

    def _thread_read(
        self, name: str, newest: str | None, reader: Process | None = None
    ) -> ThreadRead:
        root, directory = self._threads[name]
        path = Store(root).thread(directory).path
        tombstones = path / "tombstones"
        buried = {file.name for file in tombstones.iterdir()} if tombstones.exists() else set()
        # A stateless run that was rolled back takes its directory with it.
        return ThreadRead(name, newest, frozenset(buried), path.exists(), reader)

    # The end

    def finish(  # each is a fact of its own
        self,
        pods: list[Object],
        roots: list[Path],
        made_jobs: Mapping[str, MadeJob],
        unsettled: list[tuple[str, str]],
        failures: list[str],
    ) -> None:
        """Judge. ``pods``: those that are left; ``roots``: of the stores."""
        see = self.judge.see
        self._tell_ends()
        for uid, made in made_jobs.items():
            see(JobRequested(uid, made.late, made.known))
        for process in self.judge.processes.values():
            gone = self._job_gone.get(process.job_uid)
            if gone is not None and self._pod_made.get(process.pod_uid, 0) > gone:
                see(Befell(process.pod_uid, HOMELESS))
        for pod in pods:
            see(Shown(label(pod, LABEL_RUN_UID) or "", _success(pod)))
        see(Settled(tuple(unsettled)))
        self._read_stores(roots)
        see(Failures(tuple(failures)))
        self.judge.rule()

    def _read_stores(self, roots: list[Path]) -> None:
        counts: dict[str, int] = {}
        for name, written in self.judge.written.items():
            for uid in {uid for uid, _ in written}:
                _, count = summary(*self._threads[name], uid)
                counts[uid] = counts.get(uid, 0) + count
        for uid, count in counts.items():
            self.judge.see(StoreRead(uid, count))
        for root in roots:
            for thread in Store(root).threads():
                name = self._thread(root, thread.name)
                newest = History(Store(root).thread(thread.name)).newest(THREAD_ID, "")
                found = newest.record.meta["id"] if newest else None
                self.judge.see(self._thread_read(name, found))


def _success(pod: Object) -> tuple[str, ...]:
    """The pod's name, if its status says that its agent has succeeded."""
    for status in pod["status"].get("containerStatuses", []):
        end = status["state"].get("terminated") or {}
        report = parse_report(end.get("message", ""))
        if report is not None and report.result == "Succeeded":
            return (name_of(pod),)
    return ()
