"""Clean-up of rolled-back runs: one Job at a time for each claim, shared by the runs that wait."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from ..constants import Cancel, Condition, Reason
from ..models import AgentRun
from .status import USUAL_START
from .view import Cleanup

# The report of a Job is a termination message of at most 4096 bytes, some 60 of them for each run.
BATCH = 40
FIRST_BACKOFF = timedelta(seconds=5)
LONGEST_BACKOFF = timedelta(minutes=5)


@dataclass(frozen=True)
class CleanupJob:
    """A clean-up Job as it is found: whom it cleans, and what it said when it ended."""

    name: str
    uid: str
    attempt: int
    created_at: datetime
    has_pod: bool
    run_uids: frozenset[str]
    finished_at: datetime | None
    deleted: dict[str, int]  # run UID -> checkpoints that went
    errors: dict[str, str]  # run UID -> what was wrong
    problem: str  # why there is no report, or why it does not run
    claim_missing: bool  # it does not run because there is no such PersistentVolumeClaim


@dataclass(frozen=True)
class NextCleanup:
    """``runs`` to clean now in a new Job, or the time to look again; both empty: nothing to do."""

    runs: tuple[AgentRun, ...] = ()
    attempt: int = 1
    retry_at: datetime | None = None


def awaits_cleanup(run: AgentRun) -> bool:
    """Whether nothing of the run is alive and its checkpoints have to go."""
    if run.status.claim_name is None:
        return False
    wanted = run.spec.cancel == Cancel.ROLLBACK and not run.finished
    released = run.finished and not run.claimed
    wanted = wanted or (run.deleting and run.reclaims and not released)
    conditions = {c.type: c.status for c in run.status.conditions}
    stopped = conditions.get(Condition.STOPPED) == "True"
    return wanted and stopped and conditions.get(Condition.ROLLED_BACK) == "False"


def may_be_cleaned(run: AgentRun) -> bool:
    """Whether its clean-up may run now: it awaits it, and not until another run has ended."""
    held_up = any(
        c.type == Condition.ROLLED_BACK and c.reason == Reason.THREAD_BUSY
        for c in run.status.conditions
    )
    return awaits_cleanup(run) and not held_up


def next_cleanup(waiting: list[AgentRun], jobs: list[CleanupJob], now: datetime) -> NextCleanup:
    """What to do for one claim. ``jobs`` are all the clean-up Jobs of that claim."""
    if any(job.finished_at is None for job in jobs):
        return NextCleanup()
    done = {uid for job in jobs for uid in job.deleted}
    dirty = sorted(
        (run for run in waiting if run.metadata.uid not in done), key=lambda run: run.metadata.uid
    )
    fresh: list[AgentRun] = []
    failed: list[tuple[datetime, int, AgentRun]] = []
    for run in dirty:
        tries = [job for job in jobs if run.metadata.uid in job.run_uids]
        if not tries:
            fresh.append(run)
            continue
        last = max(tries, key=lambda job: job.attempt)
        assert last.finished_at is not None
        backoff = min(FIRST_BACKOFF * 2 ** min(last.attempt - 1, 10), LONGEST_BACKOFF)
        failed.append((last.finished_at + backoff, last.attempt, run))
    if fresh:
        return NextCleanup(tuple(fresh[:BATCH]))
    due = [(attempt, run) for at, attempt, run in failed if at <= now]
    if due:
        attempt = max(attempt for attempt, _ in due) + 1
        return NextCleanup(tuple(run for _, run in due[:BATCH]), attempt)
    return NextCleanup(retry_at=min((at for at, _, _ in failed), default=None))


def cleanup_of(
    run: AgentRun, jobs: list[CleanupJob], refusal: str, now: datetime
) -> Cleanup | None:
    """What the clean-up Jobs of the claim say of this run; None if nothing is known.

    ``refusal`` is what the API server said if it does not take the next Job.
    """
    mine = [job for job in jobs if run.metadata.uid in job.run_uids]
    for job in mine:
        if run.metadata.uid in job.deleted:
            return Cleanup("done", job.deleted[run.metadata.uid])
    last = max(mine, key=lambda job: job.attempt, default=None)
    if last is not None and last.finished_at is None:
        return _running(last, now)
    if refusal:
        return Cleanup("failed", message=f"the API server refuses its Job: {refusal}")
    if last is None:
        return None
    message = last.errors.get(run.metadata.uid) or last.problem
    return Cleanup("failed", message=message or f"Job {last.name} left no report.")


def _running(job: CleanupJob, now: datetime) -> Cleanup:
    if job.has_pod:
        return Cleanup("running", message=job.problem, claim_missing=job.claim_missing)
    if now < job.created_at + USUAL_START:
        return Cleanup("running", look_again_at=job.created_at + USUAL_START)
    message = (
        f"no pod of Job {job.name} could be made; kubectl describe job {job.name} says why. Check "
        "the quota and the Pod Security of the namespace."
    )
    return Cleanup("running", message=message)
