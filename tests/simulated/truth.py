"""What really happened, and what must always hold. Sees what the operator does not."""

from collections import Counter
from dataclasses import dataclass

from agentrun_operator.account import read_account
from agentrun_operator.constants import FINAL_PHASES, FINALIZER
from judge.invariants import (
    ALIVE_AFTER_END,
    BORN_CANCELLED,
    HOMELESS,
    LATE,
    LEFTOVER,
    LOST_CANCEL,
    MISSING,
    OUTDATED,
    PHASE_CHANGED,
    SECOND_JOB,
    STARTED_AFTER_END,
    SUCCEEDED_WRONGLY,
    TAKEN_OFF,
    TWO_ON_THREAD,
    UNGUARDED,
    UNTRUE,
)
from objects import (
    Object,
    condition,
    finalizers,
    is_deleting,
    is_forged,
    made_for,
    name_of,
    owners,
    phase_of,
    uid_of,
)

from .account import false_claims
from .apiserver import ApiServer
from .container import Container
from .excuses import RELEASED, Excuses
from .store import Store


@dataclass
class Record:
    """What is known of one run, for ever."""

    name: str
    uid: str
    directory: str
    born_cancelled: bool
    reclaims: bool  # if it is deleted while it lives
    reclaims_later: bool  # also if it is deleted after its end
    last: Object
    deleting: bool = False
    job_uid: str = ""
    job_recorded: bool = False
    completed: bool = False
    changed_at: int = 0  # version at which it got a recorded Job, or ended
    ended: str = ""  # how the record ended: its final phase, or Removed

    @property
    def cancel(self) -> str | None:
        cancel: str | None = self.last["spec"].get("cancel")
        return cancel

    @property
    def may_be_cleaned(self) -> bool:
        return self.cancel == "rollback" or (self.deleting and self.reclaims)


class Truth:
    def __init__(self, server: ApiServer, store: Store) -> None:
        self._server = server
        self._store = store
        self.runs: dict[str, Record] = {}
        self.written: Counter[str] = Counter()  # checkpoints by run uid
        self.violations: list[tuple[str, str]] = []
        self.inherent: Counter[str] = Counter()
        self.ends: Counter[str] = Counter()
        self.excuses = Excuses(server)
        self.writing_late = False
        self.containers: dict[str, Container] = {}
        self.disturbed: set[str] = set()  # uids of runs whose Job or pod was deleted or evicted
        server.listeners.append(self._changed)

    def violated(self, invariant: str, text: str) -> None:
        self.violations.append((invariant, text))

    def broken(self, invariant: str, text: str, *containers: Container, run: str = "") -> None:
        """A violation, unless it follows from what nobody can prevent; then it is counted."""
        runs = (run, *(c.run_uid for c in containers))
        excuse = self.excuses.of(invariant, runs, (c.job_uid for c in containers))
        if excuse is None:
            self.violated(invariant, text)
        else:
            self.inherent[f"{excuse}: {invariant}"] += 1

    def _changed(self, plural: str, old: Object | None, new: Object | None) -> None:
        self.excuses.see(plural, old, new)
        if plural == "agentruns":
            self._run_changed(old, new)
        elif plural == "jobs" and old is None and new is not None:
            self._job_made(new)
        elif plural == "pods" and old is None and new is not None and not is_forged(new):
            for ref in owners(new):
                if self._server.by_uid("jobs", ref["uid"]) is None:
                    self.excuses.late_jobs[ref["uid"]] = HOMELESS

    def _alive(self, uid: str) -> list[Container]:
        return [
            c
            for c in self.containers.values()
            if c.alive and c.run_uid == uid and not c.given_up and c.is_agent
        ]

    # Runs

    def _run_changed(self, old: Object | None, new: Object | None) -> None:
        if old is None:
            assert new is not None
            self._run_made(new)
            return
        record = self.runs[uid_of(old)]
        if new is None:
            if not record.ended:
                record.last = old
                self._ended(record, "Removed")
            elif record.reclaims_later:
                self._check_clean(record)
            record.ended = record.ended or "Removed"
            return
        was = record.cancel
        record.last = new
        if (
            record.cancel == "rollback" != was
            and record.job_uid
            and FINALIZER not in finalizers(new)
        ):
            self.excuses.befell(record.uid, UNGUARDED)
        # The record of a run that has been released may go, and its store stays as it is.
        taken_off = self.excuses.has_befallen(record.uid, TAKEN_OFF, RELEASED)
        guarded = FINALIZER in finalizers(new) or taken_off
        if is_deleting(new) and (guarded or record.reclaims_later):
            record.deleting = True
        if "jobUid" in new["status"] and not record.job_recorded:
            record.job_recorded, record.changed_at = True, self._server.version
        before, after = phase_of(old), phase_of(new)
        if before in FINAL_PHASES and after != before:
            self.violated(PHASE_CHANGED, f"{record.name}: {before} became {after}")
        if after in FINAL_PHASES and not record.ended:
            self._ended(record, after)

    def _run_made(self, run: Object) -> None:
        spec, uid = run["spec"], uid_of(run)
        thread = spec.get("thread")
        self.runs[uid] = Record(
            name=name_of(run),
            uid=uid,
            directory=f"threads/{thread}" if thread else f"stateless/{uid}",
            born_cancelled="cancel" in spec,
            reclaims=spec.get("reclaimPolicy") == "Delete" or thread is None,
            reclaims_later=spec.get("reclaimPolicy") == "Delete",
            last=run,
        )

    def _ended(self, record: Record, how: str) -> None:
        record.ended, record.changed_at = how, self._server.version
        self.ends[how] += 1
        text = f"{record.name} ({record.uid}) ended {how}"
        for container in self._alive(record.uid):
            why = f"{text} while {container.name} lives on {container.node}"
            self.broken(ALIVE_AFTER_END, why, container)
        if record.cancel == "rollback":
            if how not in ("Removed", "RolledBack"):
                self.violated(LOST_CANCEL, f"{text}, and spec.cancel is rollback")
            self._check_clean(record)
        elif how == "Removed" and record.deleting and record.reclaims:
            self._check_clean(record)
        # A deletion that reclaims goes further than an interrupt.
        if record.cancel == "interrupt" and how not in ("Removed", "Interrupted", "RolledBack"):
            self._check_too_late(record, text)
        if how == "Succeeded" and not record.completed:
            why = f"{text}, but its agent had not completed"
            self.broken(SUCCEEDED_WRONGLY, why, run=record.uid)
        if how in FINAL_PHASES and how not in ("Succeeded", "RolledBack"):
            self._check_not_succeeded(record, text)
        if how in FINAL_PHASES:
            self._check_account(record, text)

    def _check_too_late(self, record: Record, text: str) -> None:
        if condition(record.last, "CancelTooLate") is None:
            self.violated(LOST_CANCEL, f"{text}, cancelled, and no condition CancelTooLate")

    def _check_not_succeeded(self, record: Record, text: str) -> None:
        for pod in self._server.all("pods"):
            if made_for(pod) != record.uid or is_forged(pod):
                continue
            for status in pod["status"].get("containerStatuses", []):
                end = status["state"].get("terminated") or {}
                account = read_account(end.get("message", ""))
                if account is not None and account.result == "Succeeded":
                    why = f"{text}, but {name_of(pod)} had completed"
                    self.broken(SUCCEEDED_WRONGLY, why, run=record.uid)

    def _check_account(self, record: Record, text: str) -> None:
        claims = false_claims(
            record.last,
            self.containers.values(),
            self._server.all("pods"),
            disturbed=record.uid in self.disturbed,
        )
        for claim in claims:
            self.broken(UNTRUE, f"{text}: {claim}", run=record.uid)

    def _check_clean(self, record: Record) -> None:
        left = self._store.on_all_claims(record.directory, record.uid)
        if left:
            text = f"{record.name} ({record.uid}) is gone, {left} are left"
            self.broken(LEFTOVER, text, run=record.uid)

    # Jobs, containers and the store

    def _job_made(self, job: Object) -> None:
        if is_forged(job) or not made_for(job):
            return
        record = self.runs[made_for(job)]
        if self.writing_late:
            self.excuses.late_jobs[uid_of(job)] = LATE
        elif record.changed_at > self._server.known:
            self.excuses.late_jobs[uid_of(job)] = OUTDATED
        if record.born_cancelled:
            self.violated(BORN_CANCELLED, f"{record.name} ({record.uid}) got a Job")
        if record.job_recorded and uid_of(job) in self.excuses.late_jobs:
            self.inherent[f"{self.excuses.late_jobs[uid_of(job)]}: {SECOND_JOB}"] += 1
        elif record.job_recorded:
            self.violated(SECOND_JOB, f"{record.name} ({record.uid}) got another Job")
        record.job_uid = uid_of(job)

    def starting(self, container: Container) -> None:
        self.containers[container.uid] = container
        if not container.is_agent:
            return
        record = self.runs[container.run_uid]
        if record.ended:
            text = f"{container.name} starts after {record.name} ended {record.ended}"
            self.broken(STARTED_AFTER_END, text, container)
        for other in self.containers.values():
            if other is container or not other.alive or other.given_up or not other.is_agent:
                continue
            if other.thread == container.thread:
                text = f"{container.name} starts while {other.name} lives on {other.thread}"
                self.broken(TWO_ON_THREAD, text, container, other)

    def cleaned(self, uid: str) -> None:
        record = self.runs[uid]
        if not record.may_be_cleaned and self.written[uid]:
            self.violated(MISSING, f"{record.name} ({uid}) lost its checkpoints, unasked")

    def check_store(self) -> None:
        """No kept run has lost any, no cleaned run has got any back."""
        for uid, record in self.runs.items():
            count = self._store.on_all_claims(record.directory, uid)
            if not record.may_be_cleaned and count != self.written[uid]:
                text = f"{record.name} ({uid}) wrote {self.written[uid]}, {count} are there"
                self.violated(MISSING, text)
            rolled_back = record.cancel == "rollback" and record.ended in ("Removed", "RolledBack")
            if rolled_back and count:
                self.broken(LEFTOVER, f"{record.name} ({uid}) is gone, {count} are left", run=uid)
