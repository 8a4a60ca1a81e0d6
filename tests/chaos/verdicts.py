"""What the judge found, as the layers' tables show it."""

from collections import Counter
from collections.abc import Iterable, Mapping

from judge.invariants import INVARIANTS

Row = tuple[str, object]


def invariant_rows(
    broken: Counter[str], judged: Counter[str], blind: Mapping[str, str] | None = None
) -> Iterable[Row]:
    """For each invariant, how often it was broken, of how many verdicts."""
    yield "violations", broken.total()
    for invariant in INVARIANTS:
        if invariant in (blind or {}):
            yield f"  {invariant}", "no verdict"
        else:
            yield f"  {invariant}", f"{broken[invariant]} of {judged[invariant]}"


def no_verdicts(blind: Mapping[str, str]) -> str:
    """Why this layer has no verdict on some invariants."""
    return "\n".join(f"no verdict on {invariant!r}: {why}" for invariant, why in blind.items())


def never_judged(judged: Counter[str], blind: Mapping[str, str] | None = None) -> list[str]:
    """What could be observed, and gave no occasion to be judged."""
    return [
        invariant
        for invariant in INVARIANTS
        if not judged[invariant] and invariant not in (blind or {})
    ]
