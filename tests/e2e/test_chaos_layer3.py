"""The short form of ``make chaos``, layer 3: it leaves the operator alone."""

from chaos.layer3.campaign import campaign

from .namespace import Namespace

RUNS = 10


def test_whatever_happens_to_runs_no_invariant_is_broken(ns: Namespace) -> None:
    report = campaign(ns, "short", RUNS, kill_leaders=False)
    assert not report.violations, report.table()
    assert len(report.history.looks.lives) >= RUNS / 2, "there must have been something to see"
