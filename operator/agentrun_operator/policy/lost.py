"""Nodes that do not answer: nobody knows what runs there, and no status pretends to."""

from .stop import came_too_late, is_late, must_stop
from .view import View


def asks_after_nodes(view: View) -> bool:
    """Whether a decision needs to know if the nodes of the run's pods answer.

    The node controller calls the pods of a node that is silent not ready:
    https://kubernetes.io/docs/concepts/architecture/nodes/#node-controller
    """
    if must_stop(view):
        return is_late(view) or any(came_too_late(view, pod) for pod in view.alive)
    return any(pod.agent_running and pod.unready for pod in view.alive)
