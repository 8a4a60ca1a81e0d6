"""The short form of ``make chaos``, layer 1, and that it would find what it looks for."""

from dataclasses import replace

import pytest

from chaos.simulated import machine
from chaos.simulated.campaign import campaign
from chaos.simulated.planted import DEFECTS, Defect
from chaos.simulated.schedule import Result, run_schedule, written
from chaos.simulated.steps import ACTIONS, Step
from judge.invariants import CRASHED
from simulated.clock import VirtualLoop

SCHEDULES = 100  # for each of the seeds, some 12 s of CPU time; `make chaos` is the long form


@pytest.mark.parametrize("seed", ["short-1", "short-2", "short-3", "short-4"])
def test_no_schedule_breaks_an_invariant_and_each_is_judged(seed: str) -> None:
    report = campaign(SCHEDULES, seed, 1)
    assert not report.failed, report.table()
    assert report.schedules == SCHEDULES


def test_a_schedule_runs_the_same_each_time() -> None:
    first, second = (campaign(10, "same") for _ in range(2))
    assert replace(first, seconds=0) == replace(second, seconds=0)
    assert first.steps > 20 and first.faults.total() > 20


def broken_by(schedule: str) -> set[str]:
    """The invariants that a schedule breaks."""
    loop = VirtualLoop()
    result = run_schedule(written(schedule), loop)
    loop.close()
    return {invariant for invariant, _ in result.violations}


@pytest.mark.parametrize("defect", DEFECTS, ids=lambda defect: defect.name)
def test_a_planted_defect_breaks_its_invariant_which_holds_without_it(defect: Defect) -> None:
    assert broken_by(defect.schedule) == set()
    with defect.planted():
        assert broken_by(defect.schedule) == {defect.invariant}


class _NoCluster:
    """In the place of a schedule that is under way: a step breaks an invariant by its name."""

    def __init__(self, _: object) -> None:
        self.schedule: list[Step] = []

    @property
    def broken(self) -> str | None:
        return CRASHED if "interrupt" in [step.action for step in self.schedule] else None

    def take(self, step: Step) -> None:
        self.schedule.append(step)

    def settle(self) -> None:
        pass

    def end(self) -> Result:
        trace = [step.action for step in self.schedule]
        return Result(len(trace), [(CRASHED, "")] if self.broken else [], trace=trace)


def test_a_schedule_that_breaks_an_invariant_is_shortened(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(machine, "Running", _NoCluster)
    few = {name: ACTIONS[name] for name in ("agent_writes", "interrupt")}
    monkeypatch.setattr(machine, "ACTIONS", few)
    (long,) = campaign(100, "shrunk", 1, [CRASHED], longest=8, shrink=False).findings
    (short,) = campaign(100, "shrunk", 1, [CRASHED], longest=8).findings
    assert short.invariant == CRASHED
    assert short.trace == ["create_run", "operator_starts", "interrupt"]
    assert len(long.trace) > 3
