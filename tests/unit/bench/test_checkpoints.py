import json
from pathlib import Path

import pytest

from bench.checkpoints.in_pod import measure
from bench.checkpoints.in_pod.sides import Sqlite
from bench.checkpoints.pod import manifests
from bench.checkpoints.report import Measured, report


def test_sqlite_waits_for_the_disk_at_each_commit(tmp_path: Path) -> None:
    assert Sqlite(tmp_path).pragmas().startswith("journal_mode=wal, synchronous=2,")  # 2: FULL


def test_the_measured_rows_make_a_whole_report_and_no_file_is_left(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(measure, "ROOT", tmp_path / "bench")
    monkeypatch.setattr(measure, "OLDER", (3,))
    monkeypatch.setattr(measure, "PUTS", 2 * measure.BLOCK)
    measure.main()
    said = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    text = report(said[0]["facts"], [Measured(**row) for row in said[1:]])
    rows = [line for line in text.splitlines() if line.startswith(("| 1 KB", "| 50 KB"))]
    assert len(rows) == 4  # put and get, of each size
    assert list((tmp_path / "bench").iterdir()) == []


def test_a_rate_counts_the_slow_puts_and_a_median_does_not() -> None:
    def measured(what: str, side: str, seconds: list[float]) -> Measured:
        return Measured(1000, 10, what, side, seconds)

    rows = [
        measured("put", "StoreSaver", [0.001, 0.001, 0.001, 0.997]),
        measured("put", "SqliteSaver", [0.25] * 4),
        measured("get", "StoreSaver", [0.001] * 4),
        measured("get", "SqliteSaver", [0.001] * 4),
        measured("get again", "StoreSaver", [0.001] * 4),
        measured("get again", "SqliteSaver", [0.001] * 4),
        measured("drop", "StoreSaver", [0.001]),
    ]
    put, _ = [line for line in report({}, rows).splitlines() if line.startswith("| 1 KB")]
    cells = [cell.strip() for cell in put.strip("|").split("|")]
    assert cells[2].startswith("1.00 ms")
    assert cells[3] == cells[5] == "4"
    assert cells[6] == "1.00 times as fast"


def test_the_pod_mounts_every_file_under_the_name_that_it_is_imported_by() -> None:
    config_map, pod = manifests("an-image")
    (volume,) = [v for v in pod["spec"]["volumes"] if "configMap" in v]
    paths = {item["path"]: item["key"] for item in volume["configMap"]["items"]}
    assert "langgraph/checkpoint/sqlite/__init__.py" in paths
    assert "bench/checkpoints/in_pod/measure.py" in paths
    assert set(paths.values()) == set(config_map["data"])
