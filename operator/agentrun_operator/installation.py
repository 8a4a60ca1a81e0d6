"""What an administrator has set for all runs of this installation."""

from dataclasses import dataclass

from .pod_security import Level


@dataclass(frozen=True)
class Installation:
    runner_image: str
    pod_security: Level = Level.RESTRICTED  # what every pod of a run must meet
    max_grace_period_seconds: int | None = None
    instance: str | None = None  # this operator works on the runs that have it as their label
