"""What really happened, seen past the operators: on the nodes, in the store, at the API server.

What looks like a violation is judged at the end of a round, when everything is known that excuses
it: see ``verdict.py``.
"""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from agentrun_operator.constants import FINAL_PHASES, FINALIZER, LABEL_COMPONENT, LABEL_RUN_UID
from agentrun_store.thread import Store
from judge import invariants as names
from objects import (
    Object,
    condition,
    finalizers,
    is_deleting,
    label,
    name_of,
    owners,
    phase_of,
    uid_of,
)

from .api import Api
from .processes import Agent

ThreadKey = tuple[Path, str]  # root of the store, thread directory


def version_of(obj: Object) -> int:
    return int(obj["metadata"]["resourceVersion"])


@dataclass
class Record:
    """What is known of one run, for ever."""

    name: str
    uid: str
    born_cancelled: bool
    reclaims: bool  # if it is deleted while it lives
    reclaims_later: bool  # also if it is deleted after its end
    last: Object
    deleting: bool = False
    jobs: list[tuple[str, int]] = field(default_factory=list)  # uid, version at which it was made
    recorded_at: int = 0  # version at which its Job was written into its status
    ended: str = ""  # how the record ended: its final phase, or Removed
    ended_at: int = 0  # version

    @property
    def cancel(self) -> str | None:
        cancel: str | None = self.last["spec"].get("cancel")
        return cancel

    @property
    def may_be_cleaned(self) -> bool:
        return self.cancel == "rollback" or (self.deleting and self.reclaims)


@dataclass(frozen=True)
class Suspicion:
    invariant: str
    text: str
    runs: tuple[str, ...] = ()
    pods: tuple[Agent, ...] = ()


class Truth:
    """The witness of agents, and a watcher of runs, Jobs and pods."""

    def __init__(self) -> None:
        self.finishing = False
        self.runs: dict[str, Record] = {}
        self.agents: list[Agent] = []
        self.written: dict[ThreadKey, list[tuple[str, str]]] = {}  # (run uid, checkpoint id)
        self.done: set[str] = set()  # uids of runs whose agent completed before any signal
        self.suspicions: list[Suspicion] = []
        self.unguarded: dict[str, str] = {}  # uids of runs without their finalizer, and why
        self.deleted_by_hand: set[str] = set()  # uids of Jobs
        self.job_gone: dict[str, int] = {}  # uid -> version
        self.pod_made: dict[str, int] = {}  # uid -> version
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

    def suspect(self, invariant: str, text: str, *pods: Agent, run: str = "") -> None:
        runs = (*([run] if run else []), *(pod.run_uid for pod in pods))
        self.suspicions.append(Suspicion(invariant, text, runs, pods))

    # Runs and Jobs

    def sees_run(self, event: str, run: Object) -> None:
        uid = uid_of(run)
        record = self.runs.get(uid)
        if record is None:
            record = self.runs[uid] = _record(run)
        was, before = record.cancel, phase_of(record.last)
        record.last = run
        if event == "DELETED":
            if not record.ended:
                self._ended(record, "Removed")
            return
        after = phase_of(run)
        if record.cancel == "rollback" != was and record.jobs and FINALIZER not in finalizers(run):
            self.unguarded.setdefault(uid, names.UNGUARDED)
        # The record of a run that has been released may go, and its store stays as it is.
        if is_deleting(run) and (FINALIZER in finalizers(run) or record.reclaims_later):
            record.deleting = True
        if "jobName" in run.get("status", {}) and not record.recorded_at:
            record.recorded_at = version_of(run)
        if before in FINAL_PHASES and after != before:
            self.suspect(names.PHASE_CHANGED, f"{record.name}: {before} became {after}")
        if after in FINAL_PHASES and not record.ended:
            self._ended(record, after)

    def _ended(self, record: Record, how: str) -> None:
        record.ended, record.ended_at = how, version_of(record.last)
        text = f"{record.name} ({record.uid}) ended {how}"
        for agent in self.agents:
            if agent.alive and agent.run_uid == record.uid:
                self.suspect(names.ALIVE_AFTER_END, f"{text} while {agent.name} lives", agent)
        if record.cancel == "rollback" and how not in ("Removed", "RolledBack"):
            self.suspect(names.LOST_CANCEL, f"{text}, and spec.cancel is rollback", run=record.uid)
        too_late = condition(record.last, "CancelTooLate") is not None
        stopped = how in ("Removed", "Interrupted", "RolledBack")
        if record.cancel == "interrupt" and not stopped and not too_late:
            late = f"{text}, cancelled, and no condition CancelTooLate"
            self.suspect(names.LOST_CANCEL, late, run=record.uid)
        if how == "Succeeded" and record.uid not in self.done:
            self.suspect(names.SUCCEEDED_WRONGLY, f"{text}, but its agent had not completed")

    def sees_job(self, event: str, job: Object) -> None:
        uid = uid_of(job)
        if event == "DELETED":
            self.job_gone[uid] = version_of(job)
        run = self.runs.get(label(job, LABEL_RUN_UID) or "")
        if run is None or label(job, LABEL_COMPONENT) != "agent" or not owners(job):
            return
        if uid not in [known for known, _ in run.jobs]:
            run.jobs.append((uid, version_of(job)))

    def sees_pod(self, _: str, pod: Object) -> None:
        self.pod_made.setdefault(uid_of(pod), version_of(pod))

    # Agents

    def starting(self, agent: Agent) -> None:
        record = self.runs.get(agent.run_uid)
        if record is not None and record.ended:
            text = f"{agent.name} starts after {record.name} ended {record.ended}"
            self.suspect(names.STARTED_AFTER_END, text, agent)
        for other in self.agents:
            if other.alive and (other.root, other.thread) == (agent.root, agent.thread):
                text = f"{agent.name} starts while {other.name} lives on {other.thread}"
                self.suspect(names.TWO_ON_THREAD, text, agent, other)
        self.agents.append(agent)

    def wrote(self, agent: Agent, checkpoint: str) -> None:
        key = (agent.root, agent.thread)
        self.written.setdefault(key, []).append((agent.run_uid, checkpoint))

    def found(self, agent: Agent, checkpoint: str | None) -> None:
        """The state that an agent starts from."""
        expected = self.newest((agent.root, agent.thread))
        if checkpoint != expected:
            text = f"{agent.name} on {agent.thread} starts from {checkpoint}, not {expected}"
            self.suspect(names.MISSING, text, agent)

    def completed(self, agent: Agent) -> None:
        self.done.add(agent.run_uid)

    def newest(self, key: ThreadKey) -> str | None:
        """The last checkpoint on a thread by a run that was not taken back."""
        root, directory = key
        thread = Store(root).thread(directory)
        if not thread.path.exists():  # of a stateless run that was taken back
            return None
        for uid, checkpoint in reversed(self.written.get(key, [])):
            if not (thread.path / "tombstones" / uid).exists():
                return checkpoint
        return None


def _record(run: Object) -> Record:
    spec = run["spec"]
    deletes = spec.get("reclaimPolicy") == "Delete"
    return Record(
        name=name_of(run),
        uid=uid_of(run),
        born_cancelled="cancel" in spec,
        reclaims=deletes or "thread" not in spec,
        reclaims_later=deletes,
        last=run,
    )
