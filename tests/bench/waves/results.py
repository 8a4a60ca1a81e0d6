"""What was measured of waves."""

from dataclasses import dataclass, field
from enum import StrEnum

from bench.waves.meter import Figure


class Sort(StrEnum):
    """What is done to all of a wave, and until when it is measured."""

    CREATED = "created until all run"
    CANCELLED = "cancelled until all are Interrupted / deleted until all are gone"
    ROLLED_BACK = "rolled back until all are gone / deleted until all are gone"


@dataclass(frozen=True)
class Pair:
    """The same number of runs and of raw Jobs."""

    ours: Figure
    raw: Figure

    @property
    def ratio(self) -> float:
        return self.ours.seconds / self.raw.seconds


@dataclass(frozen=True)
class Restart:
    """Of both replicas; times in seconds since the new leader's process began."""

    live: int
    acted: float  # until it had stopped the pod of a run that was cancelled meanwhile
    peak: int  # bytes
    gap: float  # in the time that was watched, with the first resync in it


@dataclass
class Results:
    nodes: int
    namespaces: int
    waves: dict[int, dict[Sort, Pair]] = field(default_factory=dict)  # by size
    spread: dict[Sort, Pair] = field(default_factory=dict)  # over all namespaces
    queues: dict[int, Pair] = field(default_factory=dict)  # by length
    restart: Restart | None = None
