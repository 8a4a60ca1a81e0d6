"""The short form of ``make chaos``, layer 3: it leaves the operator alone."""

from chaos.pods.campaign import campaign

from .namespace import Namespace

RUNS = 10


def test_whatever_happens_to_runs_no_invariant_is_broken(ns: Namespace) -> None:
    report = campaign(ns, "short", RUNS, kill_leaders=False)
    assert not report.violations, report.table()
    seen = [run.name for run in report.history.runs.values() if report.history.lives(run)]
    assert len(seen) >= RUNS / 2, report.table()
    # The machine's speed decides how many reach their first step before a fault hits them.
    assert any(run.begins for run in report.history.runs.values()), report.table()
