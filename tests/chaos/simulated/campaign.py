"""Many schedules in a row, and the table of what they found."""

import time
from collections import Counter
from collections.abc import Collection
from dataclasses import dataclass, field

from hypothesis import HealthCheck, Phase, seed, settings
from hypothesis.stateful import RuleBasedStateMachine, run_state_machine_as_test

from judge.invariants import INVARIANTS, NEVER_JUDGED
from simulated.clock import VirtualLoop

from ..verdicts import Row, invariant_rows, never_judged
from .machine import BrokenError, machine
from .schedule import Result

LONGEST = 80  # steps of a schedule
SETTINGS = settings(
    # The simplest schedule, which does nothing, and a random one. Of more, Hypothesis would make
    # five out of six by changing those before a little, and find as much in six times as many.
    max_examples=2,
    stateful_step_count=LONGEST,
    phases=(Phase.generate, Phase.shrink),
    database=None,
    deadline=None,
    report_multiple_bugs=False,
    suppress_health_check=list(HealthCheck),
)


@dataclass
class Finding:
    """The shortest schedule that breaks the invariant, as far as Hypothesis could find."""

    seed: str
    invariant: str
    text: str
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
    judged: Counter[str] = field(default_factory=Counter)
    findings: list[Finding] = field(default_factory=list)

    def count(self, result: Result) -> None:
        self.schedules += 1
        self.steps += result.steps
        self.faults += result.faults
        self.inherent += result.inherent
        self.ends += result.ends
        self.judged += result.judged
        if result.broken is not None:
            self.violations[result.broken] += 1

    def table(self) -> str:
        rows: list[Row] = [
            ("seed", self.seed),
            ("schedules", self.schedules),
            ("steps", self.steps),
            ("seconds", f"{self.seconds:.0f}"),
            ("runs", self.ends.total()),
            *((f"  {end}", count) for end, count in sorted(self.ends.items())),
            ("faults", self.faults.total()),
            *((f"  {kind}", count) for kind, count in sorted(self.faults.items())),
            *invariant_rows(self.violations, self.judged),
            ("not preventable (see README)", self.inherent.total()),
            *((f"  {kind}", count) for kind, count in sorted(self.inherent.items())),
        ]
        unjudged = [f"{NEVER_JUDGED}: {invariant!r} was not" for invariant in self.never_judged]
        table = "\n".join(f"{name:<80} {value!s:>14}" for name, value in rows)
        return "\n\n".join([table, *unjudged, *map(str, self.findings)])

    @property
    def failed(self) -> bool:
        return bool(self.violations or self.never_judged)

    @property
    def never_judged(self) -> list[str]:
        return never_judged(self.judged)


def campaign(
    schedules: int,
    name: str,
    most_findings: int = 3,
    wanted: Collection[str] = INVARIANTS,
    *,
    longest: int = LONGEST,
    shrink: bool = True,
) -> Report:
    """Run that many schedules, by the seeds <name>/0, <name>/1 and so on.

    End when so many of them have broken an invariant that is wanted. ``longest``: steps of a
    schedule; ``shrink``: whether Hypothesis makes those that break one shorter.
    """
    phases = SETTINGS.phases if shrink else (Phase.generate,)
    chosen = settings(SETTINGS, stateful_step_count=longest, phases=phases)
    report = Report(name)
    began = time.monotonic()
    loop = VirtualLoop()
    results: list[Result] = []
    schedule = machine(loop, wanted, results.append)
    for number in range(schedules):
        results.clear()
        is_broken = _breaks(seed(f"{name}/{number}")(schedule), chosen)
        # Only the first one is counted, and not those that Hypothesis makes of it.
        report.count(next((r for r in results if r.broken), results[-1]))
        if is_broken:
            invariant, text = results[-1].violations[0]
            report.findings.append(Finding(f"{name}/{number}", invariant, text, results[-1].trace))
        if len(report.findings) >= most_findings:
            break
    loop.close()
    report.seconds = time.monotonic() - began
    return report


def _breaks(schedule: type[RuleBasedStateMachine], chosen: settings) -> bool:
    """Whether it breaks something. If so, the last one that has run is the shortest."""
    try:
        run_state_machine_as_test(schedule, settings=chosen)
    except BrokenError:
        return True
    return False
