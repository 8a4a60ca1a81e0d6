"""A run whose Job is suspended: by a queue (Kueue), by Argo CD or by a person.

Nothing is lost and nothing has failed. The Job controller stops the pods of a suspended Job without
counting them, and makes the next one when the Job is resumed:
https://kubernetes.io/docs/concepts/workloads/controllers/job/#suspending-a-job
"""

from agentrun_kube.vocabulary import Condition, Phase, Reason

from ...facts.pods import PodFacts
from ...resources.event import Event
from ..plan import Plan
from ..view import View
from .status import base, set_condition, waiting


def suspended(view: View) -> Plan:
    """No agent of the run is alive, and the Job makes no pod until it is resumed."""
    alive = "".join(f" Pod {pod.name} has not ended yet." for pod in view.alive)
    if not view.start_was_seen:
        message = f"{_who(view)} The run starts when the Job is resumed.{alive}"
        return waiting(view, Reason.QUEUED, message)
    message = f"{_who(view)} When it is resumed, the next pod resumes from the last checkpoint."
    return waiting(view, Reason.PREEMPTED, message + alive)


def is_preempted(view: View, pod: PodFacts) -> bool:
    """Whether the Job controller stops, or has stopped, the pod because the Job was suspended."""
    job = view.own_job
    stays = job is not None and not job.deleting
    return stays and pod.deleting and (pod.uncounted or view.suspended)


def being_suspended(view: View, pod: PodFacts) -> Plan:
    """The agent still runs, in a pod that the Job controller is stopping."""
    message = (
        f"Job {view.run.metadata.name} was suspended: pod {pod.name} on node {pod.node} is being "
        f"stopped and has up to {pod.grace_seconds} s. The next pod resumes from the last "
        "checkpoint when the Job is resumed."
    )
    status = base(view, Phase.RUNNING)
    status, is_news = set_condition(
        view, status, Condition.STARTED, True, Reason.PREEMPTED, message
    )
    events = (Event("Normal", Reason.PREEMPTED, message),) if is_news else ()
    return Plan(status=status, events=events)


def _who(view: View) -> str:
    return (
        f"Job {view.run.metadata.name} is suspended (spec.suspend: true), by a queue such as Kueue "
        "or by a user."
    )
