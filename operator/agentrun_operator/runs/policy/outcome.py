"""How a run ended, read from its pods. The only place that says what counts as what.

The line between a run that completed and one that was stopped is drawn by whoever sent the signal
on: the runner says in its account whether the agent's complete result was in its hands when SIGTERM
came. A foreign image leaves no account; there the kubelet draws the line: the phase of the pod is
Succeeded if its container had ended well before the kubelet set out to stop it.
"""

from dataclasses import dataclass
from signal import SIGKILL

from agentrun_kube.termination_report import Account
from agentrun_kube.vocabulary import Phase, Reason

from ...facts.evictions import what_to_change
from ...facts.pods import DEADLINE_EXCEEDED, PodFacts

KEPT = "Its checkpoints are kept; a new AgentRun on the thread goes on from them."


@dataclass(frozen=True)
class Ending:
    """How it ended. ``phase`` is None if the run did not end by itself but was stopped."""

    phase: Phase | None
    reason: str
    message: str
    account: Account | None = None
    forced: bool = False


def ending(pods: tuple[PodFacts, ...]) -> Ending | None:
    """How the run ended, by its pods (oldest first); None if they do not tell.

    A pod whose object is gone may have been seen alive last: its end is not known.
    """
    endings = [ending_of(pod) for pod in pods if not pod.alive]
    for phase in (Phase.SUCCEEDED, Phase.TIMED_OUT):
        for end in endings:
            if end.phase == phase:
                return end
    return endings[-1] if endings and not pods[-1].alive else None


def ending_of(pod: PodFacts) -> Ending:
    account = pod.account
    # Of a container that never started, the kubelet says so too.
    killed = pod.exit_code == 128 + SIGKILL and pod.agent_started_at is not None
    if account is not None:
        if account.result == "Succeeded":
            return Ending(Phase.SUCCEEDED, Reason.SUCCEEDED, _succeeded(account), account)
        if account.result == "Failed":
            reason = account.reason or Reason.AGENT_FAILED
            return Ending(Phase.FAILED, reason, account.message, account)
        if pod.overuse:
            return _evicted(pod, account)
        if pod.timed_out:
            return timed_out(_too_long(pod), account, forced=bool(account.forced))
        return Ending(None, Reason.INTERRUPTED, account.message, account, bool(account.forced))
    # A program that ends with 0 because it is evicted or deleted has not completed.
    if pod.phase == "Succeeded" and not (pod.disrupted or pod.deleting):
        return Ending(Phase.SUCCEEDED, Reason.SUCCEEDED, "The command ended with exit code 0.")
    if pod.overuse:
        return _evicted(pod)
    if pod.timed_out:
        return timed_out(_too_long(pod), forced=killed)
    if pod.reason == DEADLINE_EXCEEDED or pod.disrupted or pod.deleting:
        # No last words: it was killed, or it is a foreign image.
        return Ending(None, Reason.INTERRUPTED, "", forced=killed)
    if pod.exit_reason == "OOMKilled":
        message = (
            f"Pod {pod.name} ran out of memory and was killed; raise "
            "spec.resources.limits.memory of the Agent."
        )
        return Ending(Phase.FAILED, Reason.OUT_OF_MEMORY, message)
    if pod.exit_code is not None and not pod.no_start:
        message = f"The agent's container ended with exit code {pod.exit_code}; see its log."
        return Ending(Phase.FAILED, Reason.AGENT_FAILED, message)
    told = (pod.init_failure, pod.no_start, pod.reason, pod.message)
    what = ": ".join(part for part in told if part) or "no reason given"
    return Ending(Phase.FAILED, Reason.AGENT_FAILED, f"Pod {pod.name} failed ({what}).")


def _evicted(pod: PodFacts, account: Account | None = None) -> Ending:
    message = (
        f"The kubelet evicted pod {pod.name} for what the agent used: {pod.overuse} "
        f"{what_to_change(pod.overuse)} {KEPT}"
    )
    return Ending(Phase.FAILED, Reason.EVICTED, message, account)


def timed_out(how: str, account: Account | None = None, *, forced: bool = False) -> Ending:
    message = f"spec.timeoutSeconds: the run took {how}. {KEPT}"
    return Ending(Phase.TIMED_OUT, Reason.TIMED_OUT, message, account, forced)


def _too_long(pod: PodFacts) -> str:
    return f"longer than {pod.deadline} s and was stopped"


def _succeeded(account: Account) -> str:
    if account.cut:
        return f"The agent completed. {account.message}"
    if account.output_truncated:
        return "The agent completed. Its output is shortened here; the whole is in the pod's log."
    return "The agent completed."
