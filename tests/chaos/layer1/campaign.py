"""Many schedules in a row, and the table of what they found."""

import math
import time
from collections import Counter
from dataclasses import dataclass, field

from .clock import VirtualLoop
from .schedule import Schedule, make_schedule, run_schedule, shrunk
from .truth import INVARIANTS


@dataclass
class Finding:
    seed: str
    invariant: str
    text: str
    schedule: Schedule
    trace: list[str]

    def __str__(self) -> str:
        lines = [f"{self.invariant}: {self.text} (seed {self.seed})", *self.trace]
        return "\n    ".join(lines)


@dataclass
class Report:
    seed: str
    schedules: int = 0
    steps: int = 0
    seconds: float = 0.0
    faults: Counter[str] = field(default_factory=Counter)
    violations: Counter[str] = field(default_factory=Counter)
    inherent: Counter[str] = field(default_factory=Counter)
    ends: Counter[str] = field(default_factory=Counter)
    findings: list[Finding] = field(default_factory=list)

    def table(self) -> str:
        rows = [
            ("seed", self.seed),
            ("schedules", self.schedules),
            ("steps", self.steps),
            ("seconds", f"{self.seconds:.0f}"),
            ("runs", self.ends.total()),
            *((f"  {end}", count) for end, count in sorted(self.ends.items())),
            ("faults", self.faults.total()),
            *((f"  {kind}", count) for kind, count in sorted(self.faults.items())),
            ("violations", self.violations.total()),
            *((f"  {invariant}", self.violations[invariant]) for invariant in INVARIANTS),
            ("not preventable (see layer1)", self.inherent.total()),
            *((f"  {kind}", count) for kind, count in sorted(self.inherent.items())),
        ]
        table = "\n".join(f"{name:<84} {value:>10}" for name, value in rows)
        return "\n\n".join([table, *map(str, self.findings)])


def campaign(
    schedules: int, seed: str, seconds: float = math.inf, most_findings: int = 3
) -> Report:
    """Run that many schedules, or as many as the seconds allow; shorten what breaks something."""
    report = Report(seed)
    began = time.monotonic()
    loop = VirtualLoop()
    for number in range(schedules):
        name = f"{seed}/{number}"
        schedule = make_schedule(name)
        result = run_schedule(schedule, loop)
        report.schedules += 1
        report.steps += result.steps
        report.faults += result.faults
        report.inherent += result.inherent
        report.ends += result.ends
        if result.broken is not None:
            report.violations[result.broken] += 1
            report.findings.append(_finding(name, schedule, result.broken, loop))
        report.seconds = time.monotonic() - began
        if report.seconds > seconds or len(report.findings) >= most_findings:
            break
    loop.close()
    return report


def _finding(name: str, schedule: Schedule, invariant: str, loop: VirtualLoop) -> Finding:
    short = shrunk(schedule, invariant, loop)
    result = run_schedule(short, loop, trace=True)
    return Finding(name, invariant, result.violations[0][1], short, result.trace)
