"""Labels and annotations of a run's Job and pods."""

from agentrun_kube.names import (
    COMPONENT_AGENT,
    GIT_ANNOTATIONS,
    GIT_LABELS,
    GROUP,
    LABEL_COMPONENT,
    LABEL_INSTANCE,
    LABEL_MANAGED_BY,
    LABEL_RUN,
    LABEL_RUN_UID,
    LABEL_THREAD,
    MANAGED_BY,
)
from agentrun_kube.v1alpha1.agent_run import AgentRun

QUEUE_DOMAIN = "kueue.x-k8s.io"  # Kueue reads these of a Job: https://kueue.sigs.k8s.io/docs/
RECOMMENDED_DOMAIN = "app.kubernetes.io"
NOT_COPIED = frozenset(
    {*GIT_LABELS, *GIT_ANNOTATIONS, LABEL_MANAGED_BY, LABEL_COMPONENT, "job-name", "controller-uid"}
)
# All annotations of an object have 256 KiB, and the run file may take 240.
LARGEST_COPY = 8 * 1024


def own_labels(run: AgentRun) -> dict[str, str]:
    """The labels by which the operator knows Job and pods of a run."""
    labels = {
        LABEL_MANAGED_BY: MANAGED_BY,
        LABEL_COMPONENT: COMPONENT_AGENT,
        LABEL_RUN: run.metadata.name,
        LABEL_RUN_UID: run.metadata.uid,
    }
    thread = {} if run.spec.thread is None else {LABEL_THREAD: run.spec.thread}
    return labels | thread | instance_label(run)


def instance_label(run: AgentRun) -> dict[str, str]:
    """The label by which the operator that works on the run knows what it made for it."""
    return {} if run.instance is None else {LABEL_INSTANCE: run.instance}


def for_pod(of_run: dict[str, str]) -> dict[str, str]:
    """What the pods get of the run's labels or of its annotations."""
    return {key: value for key, value in for_job(of_run).items() if not _is_queue(key)}


def for_job(of_run: dict[str, str]) -> dict[str, str]:
    """What the Job gets of the run's labels or of its annotations: in order, while there is room.

    Not what Kubernetes itself reads, for a run shapes no pod (an annotation can switch AppArmor
    off), nor what would make a GitOps tool take the Job for one of its own.
    """
    copied: dict[str, str] = {}
    room = LARGEST_COPY
    for key, value in sorted(of_run.items()):
        size = len(key.encode()) + len(value.encode())
        if _is_of_the_user(key) and size <= room:
            copied[key] = value
            room -= size
    return copied


def without_ours(entries: dict[str, str]) -> dict[str, str]:
    """Labels or annotations of a podTemplate, without those that only the operator may set."""
    return {key: value for key, value in entries.items() if not _is_in(_domain(key), GROUP)}


def _is_of_the_user(key: str) -> bool:
    domain = _domain(key)
    of_kubernetes = _is_in(domain, "kubernetes.io") or _is_in(domain, "k8s.io")
    return (
        key not in NOT_COPIED
        and not _is_in(domain, GROUP)
        and (domain == RECOMMENDED_DOMAIN or not of_kubernetes)
    )


def _is_queue(key: str) -> bool:
    return _is_in(_domain(key), QUEUE_DOMAIN)


def _domain(key: str) -> str:
    return key.rpartition("/")[0]


def _is_in(domain: str, parent: str) -> bool:
    return domain == parent or domain.endswith(f".{parent}")
