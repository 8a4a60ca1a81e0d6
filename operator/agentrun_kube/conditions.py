"""Conditions of a resource: functions on plain conditions, for any resource that has them.

https://github.com/kubernetes/community/blob/master/contributors/devel/sig-architecture/api-conventions.md#typical-status-properties
"""

from collections.abc import Sequence
from datetime import datetime

from .text import clean
from .v1alpha1.base import ConditionStatus

Conditions = tuple[ConditionStatus, ...]


def find(conditions: Sequence[ConditionStatus], kind: str) -> ConditionStatus | None:
    """The condition of that type."""
    return next((condition for condition in conditions if condition.type == kind), None)


def has_reason(conditions: Sequence[ConditionStatus], kind: str, reason: str) -> bool:
    """Whether the condition of that type gives that reason."""
    found = find(conditions, kind)
    return found is not None and found.reason == reason


def set_condition(
    conditions: Sequence[ConditionStatus],
    kind: str,
    value: bool,
    reason: str,
    message: str,
    *,
    generation: int,
    now: datetime,
) -> tuple[Conditions, bool]:
    """The conditions with that one as the last, and whether its reason is new: an Event is due.

    lastTransitionTime is kept while the status is the same. The message may quote users, agents
    and kubelets, so it is cleaned here.
    """
    old, status = find(conditions, kind), "True" if value else "False"
    new = ConditionStatus(
        type=kind,
        status="True" if value else "False",
        reason=reason,
        message=clean(message),
        last_transition_time=(old.last_transition_time if old and old.status == status else now),
        observed_generation=generation,
    )
    others = tuple(condition for condition in conditions if condition.type != kind)
    return (*others, new), old is None or old.reason != reason
