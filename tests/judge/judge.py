"""The judge: sees what happened, event by event, and finds which invariants were broken."""

from collections import Counter
from collections.abc import Callable, Mapping
from typing import Any

from agentrun_kube.vocabulary import FINAL_PHASES
from objects import condition, is_deleting, phase_of, uid_of

from . import history
from . import invariants as names
from .excuses import RELEASED, TAKEN_OFF, UNGUARDED
from .history import (
    Event,
    Failures,
    JobMade,
    Process,
    ProcessEnded,
    ProcessStarted,
    Ran,
    Requested,
    RunWritten,
    Settled,
    Shown,
    Wrote,
)
from .record import REMOVED, Record, record_of
from .stores import Stores
from .untrue import false_statements
from .verdicts import Verdicts

STOPPED = (REMOVED, "Interrupted", "RolledBack")


class Judge:
    """``blind``: invariants that the recorder cannot observe, and why; there is no verdict.

    `see` each event in order. Violations are known after `rule`, which weighs what befell runs and
    Jobs until then.
    """

    def __init__(self, blind: Mapping[str, str] | None = None) -> None:
        self.runs: dict[str, Record] = {}
        self.ends: Counter[str] = Counter()
        self.verdicts = Verdicts(self.runs, blind or {})
        self.processes: dict[str, Process] = {}  # by pod UID: all that ever started
        self._alive: dict[str, Process] = {}
        self._check = self.verdicts.check
        stores = Stores(self.runs, self.processes, self.verdicts)
        self.written = stores.written  # by thread: run UID, checkpoint
        self._early: dict[str, list[Event]] = {}
        self._sees: dict[type, Callable[[Any], None]] = {
            RunWritten: self._run_written,
            Requested: self._requested,
            JobMade: self._job_made,
            history.JobRequested: self.verdicts.job_requested,
            ProcessStarted: self._started,
            ProcessEnded: self._ended_process,
            history.Completed: self._completed,
            Wrote: stores.wrote,
            history.StepBegun: stores.step_begun,
            history.Cleaned: stores.cleaned,
            history.StoreRead: stores.read,
            history.ThreadRead: stores.thread_read,
            history.StateRead: stores.state_read,
            Shown: self._shown,
            Ran: self._ran,
            history.Befell: lambda event: self.verdicts.befell(event.uid, event.what),
            Settled: self._settled,
            Failures: self._failures,
        }

    def see(self, event: Event) -> None:
        """What is told of a run before the run itself waits until that is known."""
        uid = getattr(event, "run_uid", None)
        if uid is not None and uid not in self.runs and not isinstance(event, Wrote):
            self._early.setdefault(uid, []).append(event)
        else:
            self._sees[type(event)](event)

    def rule(self) -> None:
        self.verdicts.rule()

    @property
    def violations(self) -> list[tuple[str, str]]:
        """Invariants, and how they were broken."""
        return self.verdicts.violations

    # Runs

    def _run_written(self, event: RunWritten) -> None:
        run, uid = event.run, uid_of(event.run)
        if uid not in self.runs:
            self.runs[uid] = record_of(run)
            for early in self._early.pop(uid, []):
                self.see(early)
        record = self.runs[uid]
        was, before = record.cancel, phase_of(record.last)
        record.last = run
        if event.gone:
            self._removed(record, event.version)
            return
        if record.cancel == "rollback" != was and record.jobs and not record.is_guarded:
            self.verdicts.befell(uid, UNGUARDED)
        # The record of a run that has been released may go, and its store stays as it is.
        guarded = record.is_guarded or self.verdicts.has_befallen(uid, TAKEN_OFF, RELEASED)
        if is_deleting(run) and (guarded or record.reclaims_later):
            record.deleting = True
            record.deleted_alive = record.deleted_alive or not record.ended
        if not record.recorded_at and "jobUid" in record.status:
            record.recorded_at = event.version
        after = phase_of(run)
        if before in FINAL_PHASES:
            text = f"{record.name}: {before} became {after}"
            self._check(names.PHASE_CHANGED, after == before, text)
        if after in FINAL_PHASES and not record.ended:
            self._ended(record, after, event.version)

    def _removed(self, record: Record, version: int) -> None:
        record.gone = True
        text = f"{record.name} ({record.uid}) is gone, and no user requested that"
        self._check(names.UNASKED, record.removal_was_requested, text, runs=[record.uid])
        if not record.ended:
            self._ended(record, REMOVED, version)

    def _requested(self, event: Requested) -> None:
        self.runs[event.run_uid].requested.add(event.what)

    def _ended(self, record: Record, how: str, version: int) -> None:
        record.ended, record.ended_at = how, version
        self.ends[how] += 1
        text = f"{record.name} ({record.uid}) ended {how}"
        alive = [process for process in self._alive.values() if process.run_uid == record.uid]
        self._check(names.ALIVE_AFTER_END, not alive, f"{text} while {alive} live", processes=alive)
        self._check_cancel(record, how, text)
        if record.born_cancelled:
            self._check(names.BORN_CANCELLED, not record.jobs, f"{text} and got {record.jobs}")
        if how == "Succeeded":
            why = f"{text}, but its agent had not completed"
            self._check(names.SUCCEEDED_WRONGLY, record.completed, why, runs=[record.uid])
        self._check_shown(record)
        if how in FINAL_PHASES and record.ran is not None:
            false = false_statements(record.last, record.ran)
            self._check(names.UNTRUE, not false, f"{text}: {false}", runs=[record.uid])

    def _check_cancel(self, record: Record, how: str, text: str) -> None:
        cancel, requested = record.cancel, record.requested
        accepted = next((name for name in ("rollback", "interrupt") if name in requested), None)
        if accepted:
            lost = f"{text}: {accepted} was accepted, spec.cancel is {cancel}"
            self._check(names.LOST_CANCEL, cancel in (accepted, "rollback"), lost)
        if cancel == "rollback":
            why = f"{text}, and spec.cancel is rollback"
            self._check(names.LOST_CANCEL, how in (REMOVED, "RolledBack"), why)
        elif cancel == "interrupt":
            # A deletion that reclaims goes further than an interrupt.
            told = how in STOPPED or condition(record.last, "CancelTooLate") is not None
            why = f"{text}, cancelled, and no condition CancelTooLate"
            self._check(names.LOST_CANCEL, told, why)

    def _shown(self, event: Shown) -> None:
        record = self.runs[event.run_uid]
        record.shown = event.pods
        self._check_shown(record)

    def _check_shown(self, record: Record) -> None:
        """Whose agent has succeeded, by a report that can be read, did not end otherwise."""
        if record.ended in FINAL_PHASES and record.ended not in ("Succeeded", "RolledBack"):
            why = f"{record.name} ended {record.ended}, but {record.shown} had completed"
            self._check(names.SUCCEEDED_WRONGLY, not record.shown, why, runs=[record.uid])

    def _ran(self, event: Ran) -> None:
        self.runs[event.run_uid].ran = event

    # Jobs and processes

    def _job_made(self, job: JobMade) -> None:
        record = self.runs[job.run_uid]
        if job.job_uid in [known.job_uid for known in record.jobs]:
            return
        self.verdicts.job_made(job)
        before = [known.job_uid for known in record.jobs[-1:]]
        record.jobs.append(job)
        text = f"{record.name} ({record.uid}) got another Job"
        self._check(names.SECOND_JOB, not before, text, jobs=[job.job_uid, *before])
        if record.born_cancelled:
            text = f"{record.name} ({record.uid}) got a Job"
            self._check(names.BORN_CANCELLED, holds=False, text=text)

    def _started(self, event: ProcessStarted) -> None:
        process = event.process
        record = self.runs.get(process.run_uid)
        if record is not None:
            text = f"{process.pod} starts after {record.name} ended {record.ended}"
            self._check(names.STARTED_AFTER_END, not record.ended, text, processes=[process])
        others = [other for other in self._alive.values() if other.thread == process.thread]
        text = f"{process.pod} starts while {others} live on {process.thread}"
        self._check(names.TWO_ON_THREAD, not others, text, processes=[process, *others])
        self.processes[process.pod_uid] = self._alive[process.pod_uid] = process

    def _ended_process(self, event: ProcessEnded) -> None:
        self._alive.pop(event.pod_uid, None)

    def _completed(self, event: history.Completed) -> None:
        self.runs[event.run_uid].completed = True

    # The end

    def _settled(self, event: Settled) -> None:
        self._check(names.NOT_SETTLED, holds=True, text="")
        for record in self.runs.values():
            if record.ended in FINAL_PHASES:  # and each change of it was seen
                self._check(names.PHASE_CHANGED, holds=True, text="")
        for uid, text in event.open:
            owner = self.runs.get(uid)
            lost = owner is not None and not owner.ended and owner.was_cancelled
            broken = names.LOST_CANCEL if lost else names.NOT_SETTLED
            self._check(broken, holds=False, text=text, runs=[uid], like=names.NOT_SETTLED)

    def _failures(self, event: Failures) -> None:
        self._check(names.CRASHED, holds=True, text="")
        for text in event.texts:
            self._check(names.CRASHED, holds=False, text=text)
