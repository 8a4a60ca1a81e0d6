from bench.audited import requests
from bench.life import Kind, Life, Moment
from bench.runs.lives import ROUND
from bench.runs.report import report

from .audit import audit_event

SECONDS = {
    Moment.CREATE_SENT: 0.0,
    Moment.RUNNING: 1.0,
    Moment.STOP_SENT: 3.0,
    Moment.POD_ENDED: 3.5,
    Moment.ENDED: 4.0,
    Moment.NOTHING_LEFT: 5.0,
}


def rounds(count: int) -> str:
    """A report on rounds in which each life takes five seconds and two writes, one refused."""
    lives: dict[Kind, list[Life]] = {kind: [] for kind in ROUND}
    events = []
    start = 0.0
    for _ in range(count):
        for kind in ROUND:
            times = {moment: start + seconds for moment, seconds in SECONDS.items()}
            lives[kind].append(Life(kind, "x", times))
            events += [
                audit_event(start + 0.1, "create", "jobs"),
                audit_event(start + 4.5, "patch", "agentruns/status", code=409),
            ]
            start += 5.0
    return report(lives, requests(events))


def cells(text: str, begin: str) -> list[str]:
    (line,) = [line for line in text.splitlines() if line.startswith(f"| {begin} |")]
    return [cell.strip() for cell in line.strip("|").split("|")]


def test_each_write_is_counted_in_the_life_in_which_it_was_made() -> None:
    text = rounds(10)
    assert cells(text, "write")[1:] == ["create jobs", "1", "1", "1"]
    assert cells(text, "refused")[1:] == ["patch agentruns/status", "1", "1", "1"]


def test_a_comparison_shows_both_sides_and_the_verdict() -> None:
    row = cells(rounds(10), "create to `Running` / to container running")
    both = "1.000 s (1.000 to 1.000)"
    assert row[1:] == [both, both, "1.00", "at most 1.15", "met"]


def test_all_rows_of_a_table_have_as_many_cells_as_its_head() -> None:
    tables = [part.splitlines() for part in rounds(10).split("\n\n") if part.startswith("|")]
    assert len(tables) == 3
    for table in tables:
        assert len({line.count("|") for line in table}) == 1
