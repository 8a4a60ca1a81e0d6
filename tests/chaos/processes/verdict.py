"""The judgement on a round: violations, and what follows from things that nobody can prevent."""

import itertools
from collections import Counter
from pathlib import Path

from agentrun_operator.account import read_account
from agentrun_operator.constants import LABEL_RUN_UID
from agentrun_store.history import History
from agentrun_store.summary import summary
from agentrun_store.thread import Store
from judge import invariants as names
from objects import Object, label, name_of

from .processes import THREAD_ID
from .proxy import MadeJob
from .truth import Record, Suspicion, Truth

BY_HAND = "Job deleted by hand before it was written down"


class Verdict:
    def __init__(self, truth: Truth, made_jobs: dict[str, MadeJob]) -> None:
        self._truth = truth
        self._made_jobs = made_jobs
        self.violations: list[tuple[str, str]] = []
        self.inherent: Counter[str] = Counter()

    def judge(self, pods: list[Object], roots: list[Path]) -> None:
        """``pods``: those that are left; ``roots``: of the stores."""
        for record in self._truth.runs.values():
            self._second_jobs(record)
            self._store_of(record)
        self._succeeded(pods)
        for root in roots:
            for thread in Store(root).threads():
                self._thread(root, thread.name)
        for suspicion in self._truth.suspicions:
            excuse = self._excuse(suspicion)
            if excuse:
                self.inherent[f"{excuse}: {suspicion.invariant}"] += 1
            else:
                self.violations.append((suspicion.invariant, suspicion.text))

    def _excuse(self, suspicion: Suspicion) -> str:
        for uid in suspicion.runs:
            if uid in self._truth.unguarded:
                return self._truth.unguarded[uid]
        for pod in suspicion.pods:
            how = self.how_made(pod.job_uid)
            if how:
                return how
            gone, made = self._truth.job_gone.get(pod.job_uid), self._truth.pod_made
            if gone is not None and made.get(pod.pod_uid, 0) > gone:
                return names.HOMELESS
        return ""

    def how_made(self, job_uid: str) -> str:
        """By what a Job was made that no decision of a living, lonely operator had asked for."""
        made = self._made_jobs.get(job_uid)
        if made is not None and made.late:
            return names.LATE
        for record in self._truth.runs.values():
            for number, (uid, version) in enumerate(record.jobs):
                changes = (record.recorded_at, record.ended_at)
                if uid != job_uid:
                    continue
                if made is not None and any(made.known < at < version for at in changes):
                    return names.OUTDATED
                before = {earlier for earlier, _ in record.jobs[:number]}
                recorded = 0 < record.recorded_at < version
                if before & self._truth.deleted_by_hand and not recorded:
                    return BY_HAND
        return ""

    def _second_jobs(self, record: Record) -> None:
        text = f"{record.name} ({record.uid}) got another Job"
        if record.jobs and record.born_cancelled:
            self._truth.suspect(names.BORN_CANCELLED, text.replace("another", "a"))
        for (before, _), (uid, _) in itertools.pairwise(record.jobs):
            how = self.how_made(uid) or self.how_made(before)
            if how:
                self.inherent[f"{how}: {names.SECOND_JOB}"] += 1
            else:
                self.violations.append((names.SECOND_JOB, text))

    def _succeeded(self, pods: list[Object]) -> None:
        for pod in pods:
            record = self._truth.runs.get(label(pod, LABEL_RUN_UID) or "")
            if record is None or record.ended in ("", "Succeeded", "RolledBack", "Removed"):
                continue
            for status in pod["status"].get("containerStatuses", []):
                end = status["state"].get("terminated") or {}
                account = read_account(end.get("message", ""))
                if account is not None and account.result == "Succeeded":
                    text = f"{record.name} ended {record.ended}, but {name_of(pod)} had completed"
                    self._truth.suspect(names.SUCCEEDED_WRONGLY, text, run=record.uid)

    def _store_of(self, record: Record) -> None:
        """No kept run has lost any checkpoint, no cleaned run has any left."""
        for (root, directory), written in self._truth.written.items():
            wrote = sum(uid == record.uid for uid, _ in written)
            if not wrote:
                continue
            _, count = summary(root, directory, record.uid)
            text = f"{record.name} ({record.uid}) wrote {wrote}, {count} are there"
            if not record.may_be_cleaned and count != wrote:
                self._suspect(names.MISSING, text, {record.uid})
            rolled_back = record.cancel == "rollback" and record.ended in ("Removed", "RolledBack")
            reclaimed = record.deleting and record.reclaims and record.ended
            if (rolled_back or reclaimed) and count:
                self._suspect(names.LEFTOVER, text, {record.uid})

    def _thread(self, root: Path, directory: str) -> None:
        """The thread is what its kept runs made."""
        found = History(Store(root).thread(directory)).newest(THREAD_ID, "")
        newest = found.record.meta["id"] if found else None
        expected = self._truth.newest((root, directory))
        if newest != expected:
            text = f"{directory} ends with {newest}, not {expected}"
            writers = [uid for uid, _ in self._truth.written.get((root, directory), [])]
            self._suspect(names.MISSING, text, set(writers))

    def _suspect(self, invariant: str, text: str, writers: set[str]) -> None:
        """Of the store: whoever wrote there, and should not have lived, may be the excuse."""
        pods = tuple(agent for agent in self._truth.agents if agent.run_uid in writers)
        self._truth.suspicions.append(Suspicion(invariant, text, tuple(writers), pods))
