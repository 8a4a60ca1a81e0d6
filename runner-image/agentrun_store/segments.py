"""The segments of a thread, by the names in their directory."""

from bisect import insort
from collections.abc import Callable, Iterator

from .names import (
    KEPT,
    RunName,
    is_segment_of,
    parse_segment_name,
    place_of,
)
from .segment import Segment


class Listing:
    """The names of a thread's segments, from one listing of their directory.

    A thread may have many: it makes a `Segment` only when a caller reaches it.
    """

    def __init__(self, names: list[str], make: Callable[..., Segment]) -> None:
        """`make`: makes a segment from its number, run, and `kept`; see `Thread.segment`."""
        self._make = make
        self._live = [name for name in names if not name.startswith(KEPT)]
        self._live.sort(key=place_of)
        self._kept = [name for name in names if name.startswith(KEPT)]
        self._segments: dict[str, Segment] = {}

    def newest_first(self) -> Iterator[Segment]:
        """All segments, also those of runs that were rolled back."""
        for name in reversed(self._live):
            parsed = parse_segment_name(name)
            if parsed is not None:
                yield self._segment(name, *parsed, kept=False)

    def of(self, run: RunName) -> list[Segment]:
        """The segments of a run, oldest first."""
        ending = f"-{run}"
        parsed = [(n, parse_segment_name(n)) for n in self._live if n.endswith(ending)]
        return [
            self._segment(name, *its, kept=False)
            for name, its in parsed
            if its is not None and its[1] == run
        ]

    def names_of(self, run: RunName) -> list[str]:
        """The names of the run's segments, also those to which an agent gave an invalid number."""
        return [name for name in self._live if name.endswith(run) and is_segment_of(name, run)]

    def kept(self) -> list[Segment]:
        """The kept segments of runs that were rolled back, oldest first: see `remains`."""
        names = ((name, parse_segment_name(name.removeprefix(KEPT))) for name in self._kept)
        found = sorted((its, name) for name, its in names if its is not None)
        return [self._segment(name, *its, kept=True) for its, name in found]

    def add(self, segment: Segment) -> None:
        """Add a segment that does not exist on disk yet."""
        name = segment.path.name
        if name not in self._live:
            insort(self._live, name, key=place_of)
        self._segments[name] = segment

    def take_over(self, other: "Listing") -> list[Segment]:
        """Keep the segments of an earlier listing that still exist. Returns the others."""
        there = {*self._live, *self._kept}
        self._segments = {n: s for n, s in other._segments.items() if n in there}
        return [s for n, s in other._segments.items() if n not in there]

    def looked_at(self) -> list[Segment]:
        """The segments that callers have reached."""
        return list(self._segments.values())

    def _segment(self, name: str, seq: int, run: RunName, *, kept: bool) -> Segment:
        if name not in self._segments:
            self._segments[name] = self._make(seq, run, kept=kept)
        return self._segments[name]
