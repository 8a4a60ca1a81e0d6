"""Statistics of measured seconds, and what a goal says of them."""

from collections.abc import Sequence
from dataclasses import dataclass
from statistics import quantiles


@dataclass(frozen=True)
class Spread:
    """Median and quartiles, in seconds."""

    median: float
    low: float
    high: float

    @classmethod
    def of(cls, seconds: Sequence[float]) -> "Spread":
        """Of at least two values."""
        low, middle, high = quantiles(seconds, n=4, method="inclusive")
        return cls(middle, low, high)

    def __str__(self) -> str:
        return f"{self.median:.3f} s ({self.low:.3f} to {self.high:.3f})"


@dataclass(frozen=True)
class Comparison:
    """Ours beside raw; the goal, if there is one, is a ratio of the medians."""

    label: str
    ours: Spread
    raw: Spread
    goal: float | None

    @property
    def ratio(self) -> float:
        return self.ours.median / self.raw.median

    @property
    def verdict(self) -> str:
        if self.goal is None:
            return ""
        excess = self.ours.median - self.goal * self.raw.median
        return "met" if excess <= 0 else f"missed by {excess * 1000:.0f} ms"


@dataclass(frozen=True)
class Count:
    """How many in each life; the goal holds for the life with the most."""

    label: str
    counts: Sequence[int]
    goal: int

    def __str__(self) -> str:
        return least_to_most(self.counts)

    @property
    def verdict(self) -> str:
        excess = max(self.counts) - self.goal
        return "met" if excess <= 0 else f"missed by {excess}"


def least_to_most(counts: Sequence[int]) -> str:
    """The least and the most, or the one number that all are."""
    low, high = min(counts), max(counts)
    return str(low) if low == high else f"{low} to {high}"
