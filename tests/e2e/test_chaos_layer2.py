"""The short form of ``make chaos``, layer 2: operators of its own, on simulated nodes."""

from pathlib import Path

from chaos.processes.campaign import campaign

FAULTS = 50
ROUND_SECONDS = 45.0  # as a rule enough faults hit much sooner


async def test_whatever_befalls_operators_and_requests_no_invariant_is_broken(
    cluster: str, tmp_path: Path
) -> None:
    report = await campaign(FAULTS, "short", ROUND_SECONDS, tmp_path)
    assert not report.violations, report.table()
    assert report.faults >= FAULTS
    assert report.total.checkpoints, "there must have been something to lose"
