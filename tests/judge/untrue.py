"""Whether what a run's status says, when the run has ended, is what really happened."""

from datetime import datetime

from objects import Object, condition

from .history import Ran


def false_statements(run: Object, ran: Ran) -> list[str]:
    """What the status of a run that has ended says and is not so."""
    status, spec = run["status"], run["spec"]
    own = ran.attempts
    starts = [attempt.started_at for attempt in own if attempt.started_at is not None]
    attempts, phase = status.get("attempts", 0), status["phase"]
    reason = (condition(run, "Finished") or {}).get("reason")
    cancel = spec.get("cancel")
    statements = (
        (attempts <= len(starts), f"{attempts} attempts, it was started {len(starts)} times"),
        (attempts >= len(ran.shown), f"{attempts} attempts, and its pods show more"),
        ((attempts > 0) == ("startedAt" in status), "attempts and startedAt do not go together"),
        (_time(status, "startedAt") in [None, *starts], "startedAt is of no start"),
        (_time(status, "lastStartedAt") in [None, *starts], "lastStartedAt is of no start"),
        (
            (condition(run, "Started") is not None) == (attempts > 0),
            f"Started does not go together with {attempts} attempts",
        ),
        (
            phase != "TimedOut" or any(attempt.timed_out for attempt in own),
            "TimedOut, and no kubelet has stopped it for its time",
        ),
        (
            phase != "Interrupted" or cancel is not None or "deletionTimestamp" in run["metadata"],
            "Interrupted, and no user has cancelled it",
        ),
        (
            reason != "JobLost" or ran.disturbed,
            "JobLost, and no user has touched its Job",
        ),
        (
            reason != "StoppedFromOutside"
            or ran.disturbed
            or any(attempt.evicted for attempt in own),
            "StoppedFromOutside, and no user has touched its Job or pods",
        ),
        (
            reason not in ("AgentFailed", "OutOfMemory") or any(attempt.failed for attempt in own),
            f"{reason}, and no agent of it has failed",
        ),
        (
            reason != "Evicted" or any(attempt.overused for attempt in own),
            "Evicted, and no agent of it has used too much",
        ),
        (
            not status.get("cancel", {}).get("forced") or any(attempt.killed for attempt in own),
            "forced, and nothing of it was killed after its grace period",
        ),
    )
    return [f"{text} ({phase}, {reason})" for holds, text in statements if not holds]


def _time(status: Object, field: str) -> datetime | None:
    return datetime.fromisoformat(status[field]) if field in status else None
