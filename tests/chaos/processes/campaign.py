"""Rounds until there were enough faults, and the table of what they found."""

import asyncio
import shutil
import tempfile
import time
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path

from judge.invariants import NEVER_JUDGED

from ..verdicts import invariant_rows, never_judged, no_verdicts
from .api import Api
from .faults import Fault
from .recorder import BLIND
from .round import Result, Round

ROUND_SECONDS = 60.0
NEVER_HIT = "every kind of fault hits"


@dataclass
class Report:
    seed: str
    rounds: int = 0
    seconds: float = 0.0
    total: Result = field(default_factory=Result)

    @property
    def violations(self) -> list[tuple[str, str]]:
        """Invariants, and how they were broken."""
        return self.total.violations

    @property
    def failed(self) -> bool:
        return bool(self.violations)

    @property
    def faults(self) -> int:
        return self.total.hits.total()

    @property
    def never_hit(self) -> list[str]:
        return [fault for fault in Fault if not self.total.hits[fault]]

    def table(self) -> str:
        found = [invariant for invariant, _ in self.violations]
        rows: list[tuple[str, object]] = [
            ("seed", self.seed),
            ("rounds", self.rounds),
            ("seconds", f"{self.seconds:.0f}"),
            ("processes of the operator", self.total.operators),
            ("agents", self.total.agents),
            ("checkpoints", self.total.checkpoints),
            ("runs", self.total.ends.total()),
            *((f"  {end}", count) for end, count in sorted(self.total.ends.items())),
            ("faults", self.faults),
            *((f"  {fault}", self.total.hits[fault]) for fault in Fault),
            *invariant_rows(Counter(found), self.total.judged, BLIND),
            ("not preventable (see README)", self.total.inherent.total()),
            *((f"  {kind}", count) for kind, count in sorted(self.total.inherent.items())),
        ]
        table = "\n".join(f"{name:<80} {value!s:>14}" for name, value in rows)
        return "\n\n".join(
            [table, no_verdicts(BLIND), *(f"{what}: {text}" for what, text in self.violations)]
        )


async def campaign(faults: int, seed: str, round_seconds: float, scratch: Path) -> Report:
    """Rounds until so many faults have hit, or an invariant is broken."""
    report = Report(seed)
    began = time.monotonic()
    api = await Api.connect()
    try:
        while report.faults < faults and not report.violations:
            directory = scratch / str(report.rounds)
            directory.mkdir()
            round_ = Round(api, f"{seed}/{report.rounds}", directory)
            report.total += await round_.play(round_seconds, faults - report.faults)
            report.rounds += 1
            report.seconds = time.monotonic() - began
    finally:
        await api.close()
    unjudged = never_judged(report.total.judged, BLIND)
    report.violations.extend((NEVER_JUDGED, invariant) for invariant in unjudged)
    return report


def long_campaign(seed: str, faults: int) -> Report:
    """A campaign on the cluster of $KUBECONFIG, beside the operator that is deployed there."""
    scratch = Path(tempfile.mkdtemp(prefix="chaos-"))
    report = asyncio.run(campaign(faults, seed, ROUND_SECONDS, scratch))
    if report.never_hit:
        report.violations.append((NEVER_HIT, ", ".join(report.never_hit)))
    if report.violations:
        print(f"The stores, and the logs of the operators: {scratch}\n")
    else:
        shutil.rmtree(scratch)
    return report
