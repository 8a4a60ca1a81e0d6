"""What was done in a campaign, what was seen of it, and what was broken, as a table."""

from collections import Counter
from dataclasses import dataclass, field

from ..verdicts import Row, invariant_rows, no_verdicts
from .history import History
from .recorder import BLIND


@dataclass
class Report:
    seed: str
    history: History
    done: Counter[str] = field(default_factory=Counter)  # stories and, with them, kills
    missed: Counter[str] = field(default_factory=Counter)
    judged: Counter[str] = field(default_factory=Counter)
    inherent: Counter[str] = field(default_factory=Counter)
    violations: list[tuple[str, str]] = field(default_factory=list)
    seconds: float = 0.0

    @property
    def failed(self) -> bool:
        return bool(self.violations)

    def table(self) -> str:
        runs, looks = self.history.runs.values(), self.history.looks
        ends = Counter(run.end.phase if run.end else "none" for run in runs)
        pods = [life.pod for run in runs for life in self.history.lives(run)]
        heard = {begin.pod for run in runs for begin in run.begins}
        kept = sum(len(marks) for marks in self.history.store.marks.values())
        broken = Counter(invariant for invariant, _ in self.violations)
        rows: list[Row] = [
            ("seed", self.seed),
            ("seconds", f"{self.seconds:.0f}"),
            *_rows("runs, by their first end", ends),
            *_rows("done to them", self.done),
            *_rows("tried, but too late or too early", self.missed),
            ("pods seen alive on the node", len(pods)),
            ("pods whose agent was heard", len(heard)),
            ("looks at the node's processes", len(looks.times)),
            ("longest time from one look to the next", f"{looks.longest_gap:.2f} s"),
            ("steps in the threads' states in the end", kept),
            *invariant_rows(broken, self.judged, BLIND),
            *_rows("not preventable (see README)", self.inherent),
        ]
        table = "\n".join(f"{name:<60} {value!s:>14}" for name, value in rows)
        return "\n\n".join([table, no_verdicts(BLIND), *self._what_was_wrong()])

    def _what_was_wrong(self) -> list[str]:
        if not self.violations:
            return []
        runs = sorted(self.history.runs.values(), key=lambda run: run.name)
        return [
            *(f"{invariant}: {text}" for invariant, text in self.violations),
            "\n".join(map(str, runs)),
        ]


def _rows(title: str, counts: Counter[str]) -> list[Row]:
    return [
        (title, counts.total()),
        *((f"  {what.replace('_', ' ')}", count) for what, count in sorted(counts.items())),
    ]
