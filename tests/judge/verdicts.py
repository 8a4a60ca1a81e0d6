"""Counts verdicts, and tells violations from what follows from things that cannot be prevented."""

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from .excuses import BY_HAND, DELETED_BY_HAND, LATE, MAY_BREAK, OUTDATED
from .history import JobMade, JobRequested, Process
from .invariants import INVARIANTS
from .record import Record


@dataclass(frozen=True)
class Suspicion:
    """An invariant does not hold. It bears on these runs, processes and Jobs."""

    invariant: str
    text: str
    runs: tuple[str, ...] = ()
    processes: tuple[Process, ...] = ()
    jobs: tuple[str, ...] = ()
    like: str = ""  # the invariant whose excuses hold for it, if that is another


class Verdicts:
    """``blind``: invariants that the recorder cannot observe, and why; there is no verdict."""

    def __init__(self, runs: Mapping[str, Record], blind: Mapping[str, str]) -> None:
        self._runs = runs
        self._blind = blind
        self.judged: Counter[str] = Counter()  # verdicts, by invariant
        self.violations: list[tuple[str, str]] = []
        self.inherent: Counter[str] = Counter()  # what cannot be prevented
        self._suspicions: list[Suspicion] = []
        self._befallen: dict[str, dict[str, None]] = {}  # by UID, in order
        self._jobs: dict[str, JobMade] = {}
        self._requests: dict[str, JobRequested] = {}

    def check(
        self,
        invariant: str,
        holds: object,
        text: str,
        *,
        runs: Iterable[str] = (),
        processes: Iterable[Process] = (),
        jobs: Iterable[str] = (),
        like: str = "",
    ) -> None:
        """A verdict. A violation may be excused by what befell these until it is ruled on."""
        if invariant in self._blind:
            return
        self.judged[invariant] += 1
        if not holds:
            self._suspicions.append(
                Suspicion(invariant, text, tuple(runs), tuple(processes), tuple(jobs), like)
            )

    def rule(self) -> None:
        """Turn what is suspected until now into violations, or excuse it."""
        for suspicion in self._suspicions:
            excuse = self._excuse(suspicion)
            if excuse is None:
                self.violations.append((suspicion.invariant, suspicion.text))
            else:
                self.inherent[f"{excuse}: {suspicion.invariant}"] += 1
        self._suspicions.clear()

    # Excuses

    def befell(self, uid: str, what: str) -> None:
        if uid:
            self._befallen.setdefault(uid, {})[what] = None

    def has_befallen(self, uid: str, *what: str) -> bool:
        return any(name in self._befallen.get(uid, {}) for name in what)

    def job_made(self, job: JobMade) -> None:
        self._jobs.setdefault(job.job_uid, job)

    def job_requested(self, request: JobRequested) -> None:
        self._requests[request.job_uid] = request

    def _excuse(self, suspicion: Suspicion) -> str | None:
        processes = suspicion.processes
        uids = (*suspicion.runs, *(p.run_uid for p in processes))
        jobs = (*suspicion.jobs, *(p.job_uid for p in processes))
        for uid in (*uids, *jobs, *(p.pod_uid for p in processes)):
            for what in self._befallen.get(uid, {}):
                if (suspicion.like or suspicion.invariant) in MAY_BREAK.get(what, INVARIANTS):
                    return what
        return next((how for job in jobs if (how := self._how_made(job))), None)

    def _how_made(self, job_uid: str) -> str | None:
        """Why there is a Job that no operator would create by what it knows now."""
        job, request = self._jobs.get(job_uid), self._requests.get(job_uid)
        if request is not None and request.late:
            return LATE
        record = None if job is None else self._runs.get(job.run_uid)
        if job is None or record is None:
            return None
        changes = (record.recorded_at, record.ended_at)
        if request is not None and any(request.known < at < job.version for at in changes):
            return OUTDATED
        earlier = record.jobs[: record.jobs.index(job)] if job in record.jobs else []
        was_recorded = 0 < record.recorded_at < job.version
        by_hand = any(self.has_befallen(before.job_uid, DELETED_BY_HAND) for before in earlier)
        return BY_HAND if by_hand and not was_recorded else None
