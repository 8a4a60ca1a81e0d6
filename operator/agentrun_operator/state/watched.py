"""The kinds that the operator watches: one row a kind.

A row says what is watched of the kind and how an object becomes a record; the record says whom a
change concerns (records.py). Paths are in agentrun_kube/client/paths.py, which other programs use
too, and rights in manifests/rbac.yaml; a test compares both with these rows.
"""

from collections.abc import Callable
from dataclasses import dataclass

from agentrun_kube.names import LABEL_FINISHED, LABEL_INSTANCE, LABEL_MANAGED_BY, MANAGED_BY
from agentrun_kube.objects import Object

from .records import Record, agent_record, job_record, pod_record, run_record


@dataclass(frozen=True)
class Watched:
    plural: str
    selectors: dict[str, str]  # labelSelector, fieldSelector
    parse: Callable[[Object], Record]
    shared: bool = False  # by all instances of the operator

    def selectors_of(self, instance: str | None) -> dict[str, str]:
        """What an operator of that instance watches; None: the one without an instance id."""
        if self.shared:
            return self.selectors
        own = f"!{LABEL_INSTANCE}" if instance is None else f"{LABEL_INSTANCE}={instance}"
        labels = filter(None, (self.selectors.get("labelSelector"), own))
        return self.selectors | {"labelSelector": ",".join(labels)}


_OURS = f"{LABEL_MANAGED_BY}={MANAGED_BY},!{LABEL_FINISHED}"

# Settled runs are not watched, nor are Jobs and pods that have succeeded (one that leaves the watch
# is read once more, see `Intake.forget`) or whose run has finished (runs/policy/finished.py).
_ROWS = (
    Watched("agentruns", {"fieldSelector": "status.settled!=true"}, run_record),
    Watched("agents", {}, agent_record, shared=True),
    Watched("jobs", {"labelSelector": _OURS, "fieldSelector": "status.successful=0"}, job_record),
    Watched(
        "pods", {"labelSelector": _OURS, "fieldSelector": "status.phase!=Succeeded"}, pod_record
    ),
)
WATCHED = {row.plural: row for row in _ROWS}
