"""Clean-up of rolled-back runs: Jobs of one claim, shared by the runs that wait.

Runs that were never tried share one Job. A run whose clean-up failed, or of which its Job left no
report, is tried again alone, so that one run's bad data neither fails nor delays the others: beside
the Job of the fresh runs a bounded number of such Jobs may be under way.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Literal

from agentrun_kube.v1alpha1.agent_run import AgentRun

from ..facts.cleanups import LONGEST_JOB, CleanupJobFacts
from ..facts.pods import USUAL_START

# The report of a Job is a termination message of at most 4096 bytes, some 60 of them for each run.
BATCH = 40
RETRIES_AT_ONCE = 3
FIRST_BACKOFF = timedelta(seconds=5)
LONGEST_BACKOFF = timedelta(minutes=5)


@dataclass(frozen=True)
class Batch:
    """Runs to clean now in one new Job."""

    runs: tuple[AgentRun, ...]
    attempt: int = 1


@dataclass(frozen=True)
class CleanupState:
    """What clean-up Jobs say of one run: ``done`` with the number of checkpoints that went."""

    state: Literal["running", "failed", "done"]
    checkpoints: int = 0
    message: str = ""
    claim_missing: bool = False  # the PersistentVolumeClaim does not exist
    look_again_at: datetime | None = None  # then what takes long has something to say


@dataclass(frozen=True)
class Todo:
    """Jobs to make now, and when to look again; both empty: there is nothing to do but to wait."""

    batches: tuple[Batch, ...] = ()
    retry_at: datetime | None = None


def next_cleanup(waiting: list[AgentRun], jobs: list[CleanupJobFacts], now: datetime) -> Todo:
    """What to do for one claim. ``jobs`` are all the operator's own clean-up Jobs of that claim."""
    done = {uid for job in jobs for uid in job.deleted}
    under_way = [job for job in jobs if job.ended_at(now) is None]
    busy = {uid for job in under_way for uid in job.run_uids}
    fresh: list[AgentRun] = []
    failed: list[tuple[datetime, str, Batch]] = []
    for run in sorted(waiting, key=lambda run: run.metadata.uid):
        uid = run.metadata.uid
        if uid in done or uid in busy:
            continue
        tries = [job for job in jobs if uid in job.run_uids]
        if not tries:
            fresh.append(run)
            continue
        last = max(tries, key=lambda job: job.attempt)
        ended_at = last.ended_at(now)
        assert ended_at is not None
        backoff = min(FIRST_BACKOFF * 2 ** min(last.attempt - 1, 10), LONGEST_BACKOFF)
        failed.append((ended_at + backoff, uid, Batch((run,), last.attempt + 1)))
    batches: list[Batch] = []
    if fresh and all(job.attempt > 1 for job in under_way):
        batches.append(Batch(tuple(fresh[:BATCH])))
    free = RETRIES_AT_ONCE - sum(job.attempt > 1 for job in under_way)
    failed.sort(key=lambda each: each[:2])
    due = [batch for at, _, batch in failed if at <= now]
    batches += due[: max(free, 0)]
    times = [at for at, _, _ in failed if at > now]
    times += [job.created_at + LONGEST_JOB for job in under_way if waiting]
    return Todo(tuple(batches), min(times, default=None))


def cleanup_of(
    run: AgentRun, jobs: list[CleanupJobFacts], refusal: str, now: datetime
) -> CleanupState | None:
    """What the operator's clean-up Jobs of the claim say of this run; None if nothing is known.

    ``refusal`` is what the API server said if it does not take the next Job.
    """
    mine = [job for job in jobs if run.metadata.uid in job.run_uids]
    for job in mine:
        if run.metadata.uid in job.deleted:
            return CleanupState("done", job.deleted[run.metadata.uid])
    last = max(mine, key=lambda job: job.attempt, default=None)
    if last is not None and last.ended_at(now) is None:
        return _running(last, now)
    if refusal:
        return CleanupState("failed", message=f"the API server refuses its Job: {refusal}")
    if last is None:
        return None
    message = last.errors.get(run.metadata.uid) or last.problem
    return CleanupState("failed", message=message or f"Job {last.name} left no report.")


def _running(job: CleanupJobFacts, now: datetime) -> CleanupState:
    if job.suspended:
        message = (
            f"Job {job.name} is suspended (spec.suspend: true); it runs when it is resumed. Exempt "
            "Jobs with the label app.kubernetes.io/component=cleanup from the queue."
        )
        return CleanupState("running", message=message)
    if job.has_pod:
        return CleanupState("running", message=job.problem, claim_missing=job.claim_missing)
    if now < job.created_at + USUAL_START:
        return CleanupState("running", look_again_at=job.created_at + USUAL_START)
    message = (
        f"no pod of Job {job.name} could be made; kubectl describe job {job.name} says why. Check "
        "the quota, the LimitRanges and the Pod Security of the namespace."
    )
    return CleanupState("running", message=message)
