"""Rounds until there were enough faults, and the table of what they found."""

import tempfile
import time
from dataclasses import dataclass, field
from pathlib import Path

from ..layer1.truth import INVARIANTS
from .api import Api
from .faults import Fault
from .round import Result, Round

ROUND_SECONDS = 60.0


@dataclass
class Report:
    seed: str
    rounds: int = 0
    seconds: float = 0.0
    total: Result = field(default_factory=Result)

    def add(self, result: Result) -> None:
        self.rounds += 1
        self.total.hits += result.hits
        self.total.ends += result.ends
        self.total.inherent += result.inherent
        self.total.violations += result.violations
        self.total.operators += result.operators
        self.total.checkpoints += result.checkpoints

    def table(self) -> str:
        found = [invariant for invariant, _ in self.total.violations]
        rows: list[tuple[str, object]] = [
            ("seed", self.seed),
            ("rounds", self.rounds),
            ("seconds", f"{self.seconds:.0f}"),
            ("processes of the operator", self.total.operators),
            ("checkpoints", self.total.checkpoints),
            ("runs", self.total.ends.total()),
            *((f"  {end}", count) for end, count in sorted(self.total.ends.items())),
            ("faults", self.total.hits.total()),
            *((f"  {fault}", self.total.hits[fault]) for fault in Fault),
            ("violations", len(found)),
            *((f"  {invariant}", found.count(invariant)) for invariant in INVARIANTS),
            ("not preventable (see layer1)", self.total.inherent.total()),
            *((f"  {kind}", count) for kind, count in sorted(self.total.inherent.items())),
        ]
        table = "\n".join(f"{name:<84} {value!s:>10}" for name, value in rows)
        findings = [f"{invariant}: {text}" for invariant, text in self.total.violations]
        return "\n\n".join([table, *findings])


async def campaign(
    faults: int, seed: str, seconds: float, most_findings: int = 1, scratch: Path | None = None
) -> Report:
    """Rounds until so many faults have hit, or as many as the seconds allow."""
    report = Report(seed)
    began = time.monotonic()
    api = await Api.connect()
    try:
        while report.total.hits.total() < faults and report.seconds < seconds:
            left = faults - report.total.hits.total()
            directory = Path(tempfile.mkdtemp(prefix="chaos-", dir=scratch))
            round_ = Round(api, f"{seed}/{report.rounds}", directory)
            report.add(await round_.play(ROUND_SECONDS, left))
            report.seconds = time.monotonic() - began
            if len(report.total.violations) >= most_findings:
                break
    finally:
        await api.close()
    return report
