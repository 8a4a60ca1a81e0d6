"""How a run ended, read from its pods. The only place that says what counts as what.

Whether a run completed or was stopped is decided by the runner, which forwards SIGTERM: its report
says whether it had the agent's complete result when SIGTERM arrived. A foreign image writes no
report; there the kubelet decides: the phase of the pod is Succeeded if its container had ended well
before the kubelet began to stop it.
"""

from dataclasses import dataclass
from signal import SIGKILL

from agentrun_kube.termination_report import TerminationReport
from agentrun_kube.vocabulary import Phase, Reason

from ...facts.evictions import what_to_change
from ...facts.pods import DEADLINE_EXCEEDED, PodFacts

KEPT = "Its checkpoints are kept; a new AgentRun on the thread resumes from them."


@dataclass(frozen=True)
class Outcome:
    """How it ended. ``phase`` is None if the run did not end by itself but was stopped."""

    phase: Phase | None
    reason: str
    message: str
    report: TerminationReport | None = None
    forced: bool = False


def outcome_of_pods(pods: tuple[PodFacts, ...]) -> Outcome | None:
    """How the run ended, by its pods (oldest first); None if they do not tell.

    A pod whose object is gone may have been seen alive last: its end is not known.
    """
    endings = [outcome_of_pod(pod) for pod in pods if not pod.alive]
    for phase in (Phase.SUCCEEDED, Phase.TIMED_OUT):
        for end in endings:
            if end.phase == phase:
                return end
    return endings[-1] if endings and not pods[-1].alive else None


def outcome_of_pod(pod: PodFacts) -> Outcome:
    report = pod.report
    # Of a container that never started, the kubelet says so too.
    killed = pod.exit_code == 128 + SIGKILL and pod.agent_started_at is not None
    if report is not None:
        if report.result == "Succeeded":
            return Outcome(Phase.SUCCEEDED, Reason.SUCCEEDED, _succeeded(report), report)
        if report.result == "Failed":
            reason = report.reason or Reason.AGENT_FAILED
            return Outcome(Phase.FAILED, reason, report.message, report)
        if pod.overuse:
            return _evicted(pod, report)
        if pod.timed_out:
            return timed_out(_too_long(pod), report, forced=bool(report.forced))
        return Outcome(None, Reason.INTERRUPTED, report.message, report, bool(report.forced))
    # A program that ends with 0 because it is evicted or deleted has not completed.
    if pod.phase == "Succeeded" and not (pod.disrupted or pod.deleting):
        return Outcome(Phase.SUCCEEDED, Reason.SUCCEEDED, "The command ended with exit code 0.")
    if pod.overuse:
        return _evicted(pod)
    if pod.timed_out:
        return timed_out(_too_long(pod), forced=killed)
    if pod.reason == DEADLINE_EXCEEDED or pod.disrupted or pod.deleting:
        # No report: it was killed, or it is a foreign image.
        return Outcome(None, Reason.INTERRUPTED, "", forced=killed)
    if pod.exit_reason == "OOMKilled":
        message = (
            f"Pod {pod.name} ran out of memory and was killed; raise "
            "spec.resources.limits.memory of the Agent."
        )
        return Outcome(Phase.FAILED, Reason.OUT_OF_MEMORY, message)
    if pod.exit_code is not None and not pod.no_start:
        message = f"The agent's container ended with exit code {pod.exit_code}; see its log."
        return Outcome(Phase.FAILED, Reason.AGENT_FAILED, message)
    told = (pod.init_failure, pod.no_start, pod.reason, pod.message)
    what = ": ".join(part for part in told if part) or "no reason given"
    return Outcome(Phase.FAILED, Reason.AGENT_FAILED, f"Pod {pod.name} failed ({what}).")


def _evicted(pod: PodFacts, report: TerminationReport | None = None) -> Outcome:
    message = (
        f"The kubelet evicted pod {pod.name} for what the agent used: {pod.overuse} "
        f"{what_to_change(pod.overuse)} {KEPT}"
    )
    return Outcome(Phase.FAILED, Reason.EVICTED, message, report)


def timed_out(
    how: str, report: TerminationReport | None = None, *, forced: bool = False
) -> Outcome:
    message = f"spec.timeoutSeconds: the run took {how}. {KEPT}"
    return Outcome(Phase.TIMED_OUT, Reason.TIMED_OUT, message, report, forced)


def _too_long(pod: PodFacts) -> str:
    return f"longer than {pod.deadline} s and was stopped"


def _succeeded(report: TerminationReport) -> str:
    if report.cut:
        return f"The agent completed. {report.message}"
    if report.output_truncated:
        return "The agent completed. Its output is shortened here; the whole is in the pod's log."
    return "The agent completed."
