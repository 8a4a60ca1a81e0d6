"""Rows as a table for people."""

from collections.abc import Iterable, Sequence
from typing import Any

from ..text import printable


def table(rows: Iterable[dict[str, Any]], columns: Sequence[str]) -> str:
    """The columns, with headings, in lines."""
    lines = [[column.upper() for column in columns]]
    lines += [[_cell(column, row[column]) for column in columns] for row in rows]
    widths = [max(map(len, cells)) for cells in zip(*lines, strict=True)]
    return "\n".join(
        "  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)).rstrip()
        for line in lines
    )


def size(count: int) -> str:
    """A number of bytes, in the unit that suits it."""
    value = float(count)
    for unit in ("B", "KiB", "MiB", "GiB"):
        if value < 1000:
            return f"{value:.3g} {unit}"
        value /= 1024
    return f"{value:.3g} TiB"


def _cell(column: str, value: Any) -> str:
    if value in (None, ""):
        return "-"
    text = size(value) if column == "bytes" else str(value)
    return printable(text)  # an agent chose some of these texts
