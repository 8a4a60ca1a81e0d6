"""What confirms that nothing of a run is alive."""

from agentrun_kube.v1alpha1.agent_run import AgentRunStatus
from agentrun_kube.vocabulary import Condition, Reason

from ...facts.pods import PodFacts
from ..view import View
from .cancel import cancel_status
from .status import with_condition

# Reasons of the condition DisruptionTarget with which a pod ends without a report of its kubelet:
# https://kubernetes.io/docs/concepts/workloads/pods/disruptions/#pod-disruption-conditions
GIVEN_UP = ("DeletionByPodGC",)


def confirmed(view: View, status: AgentRunStatus, *, forced: bool = False) -> AgentRunStatus:
    status = status.model_copy(update={"cancel": cancel_status(view, gone=True, forced=forced)})
    reason, message = _how_it_is_known(view)
    return with_condition(view, status, Condition.STOPPED, True, reason, message)


def _how_it_is_known(view: View) -> tuple[Reason, str]:
    """What confirms that nothing of the run is alive."""
    if not view.begun:
        return Reason.NO_POD, "No pod of the run was ever made."
    given_up = [pod for pod in (*view.pods, *view.gone_pods) if pod.node and _is_given_up(pod)]
    if given_up:
        why = given_up[-1].disruption or "no reason given"
        return Reason.POD_GIVEN_UP, (
            f"The cluster gave up pod {given_up[-1].name} ({why}); its node did not confirm the "
            "end."
        )
    if view.pods:
        pod = view.pods[-1]
        if pod.node is None:
            return Reason.POD_NEVER_SCHEDULED, (
                f"Pod {pod.name} has ended (phase {pod.phase}) and never had a node: no process of "
                "it was ever started."
            )
        return Reason.POD_TERMINATED, f"The kubelet has reported the end of pod {pod.name}."
    return Reason.POD_GONE, "The API server has no pod of the run any more."


def _is_given_up(pod: PodFacts) -> bool:
    # When something other than the kubelet sets the final phase, the container statuses stay as the
    # kubelet last reported them.
    return pod.disruption in GIVEN_UP or (pod.container_runs and not pod.alive)
