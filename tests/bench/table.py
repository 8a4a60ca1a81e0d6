"""Tables in Markdown."""

from collections.abc import Iterable


def table(heads: Iterable[str], rows: Iterable[Iterable[str]]) -> str:
    """One with a head and as many cells in each row."""
    heads = list(heads)
    lines = [heads, ["---"] * len(heads), *rows]
    return "\n".join("| " + " | ".join(cells) + " |" for cells in lines)


def at_most(goal: float | None) -> str:
    """The cell of a goal; empty if there is none."""
    return "" if goal is None else f"at most {goal}"
