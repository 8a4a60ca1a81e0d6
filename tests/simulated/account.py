"""Whether what a run says of itself, when it has ended, is what really happened."""

from collections.abc import Iterable
from datetime import datetime

from agentrun_operator.account import read_account
from objects import Object, condition, made_for

from .container import SIGKILLED, Container


def false_claims(
    run: Object, containers: Iterable[Container], pods: Iterable[Object], *, disturbed: bool
) -> list[str]:
    """What the record of a run that has ended says and is not so.

    ``containers`` are all that were ever made, ``pods`` what the API server has now; ``disturbed``
    says whether somebody has laid hands on the Job or a pod of the run.
    """
    status, spec, uid = run["status"], run["spec"], run["metadata"]["uid"]
    own = [c for c in containers if c.is_agent and c.run_uid == uid]
    starts = [datetime.fromisoformat(c.started_at) for c in own if c.started_at is not None]
    attempts, phase = status.get("attempts", 0), status["phase"]
    reason = (condition(run, "Finished") or {}).get("reason")
    cancel = spec.get("cancel")
    claims = (
        (attempts <= len(starts), f"{attempts} attempts, it was started {len(starts)} times"),
        (attempts >= len(_shown(pods, uid)), f"{attempts} attempts, and its pods show more"),
        ((attempts > 0) == ("startedAt" in status), "attempts and startedAt do not go together"),
        (_time(status, "startedAt") in [None, *starts], "startedAt is of no start"),
        (_time(status, "lastStartedAt") in [None, *starts], "lastStartedAt is of no start"),
        (
            (condition(run, "Started") is not None) == (attempts > 0),
            f"Started does not go together with {attempts} attempts",
        ),
        (
            phase != "TimedOut" or any(c.timed_out for c in own),
            "TimedOut, and no kubelet has stopped it for its time",
        ),
        (
            phase != "Interrupted" or cancel is not None or "deletionTimestamp" in run["metadata"],
            "Interrupted, and nobody has cancelled it",
        ),
        (
            reason != "JobLost" or disturbed,
            "JobLost, and nobody has touched its Job",
        ),
        (
            reason != "StoppedFromOutside" or disturbed or any(_was_evicted(c) for c in own),
            "StoppedFromOutside, and nobody has touched its Job or pods",
        ),
        (
            reason not in ("AgentFailed", "OutOfMemory") or any(_failed(c) for c in own),
            f"{reason}, and no agent of it has failed",
        ),
        (
            reason != "Evicted" or any(c.overuse for c in own),
            "Evicted, and no agent of it has used too much",
        ),
        (
            not status.get("cancel", {}).get("forced") or any(_was_killed(c) for c in own),
            "forced, and nothing of it was killed after its grace period",
        ),
    )
    return [f"{text} ({phase}, {reason})" for holds, text in claims if not holds]


def _time(status: Object, field: str) -> datetime | None:
    return datetime.fromisoformat(status[field]) if field in status else None


def _shown(pods: Iterable[Object], uid: str) -> set[str]:
    """When agents of the run were started, by those of its pods that are still there."""
    states = (
        container["state"].get("running") or container["state"].get("terminated") or {}
        for pod in pods
        if made_for(pod) == uid
        for container in pod.get("status", {}).get("containerStatuses", [])
    )
    return {state["startedAt"] for state in states if state.get("startedAt")}


def _failed(container: Container) -> bool:
    """By itself, or with its node: an end that nobody had asked for."""
    end = container.exit
    if end is None or end.code == 0:
        return False
    account = read_account(end.message)
    return container.signalled_at is None or (account is not None and account.result == "Failed")


def _was_evicted(container: Container) -> bool:
    disrupted = condition(container.seen, "DisruptionTarget") is not None
    return disrupted or container.stop_reason == "Evicted"


def _was_killed(container: Container) -> bool:
    end = container.exit
    return end is not None and end.code == SIGKILLED and container.started_at is not None
