"""``python tests/failure_modes.py``: writes the tests of each case into FAILURE_MODES.md.

The cases are written there by hand. Which tests check a case is said by their docstrings, which
begin with its number: "Failure mode 13." or "Failure modes 5 and 20b:".
"""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

TESTS = Path(__file__).parent
LIST = TESTS / "FAILURE_MODES.md"
_HEAD = re.compile(r"Failure modes? (\d+b?(?:(?:, | and )\d+b?)*)[.:]")
_CASE = re.compile(r"^\*\*(\d+b?)\*\* ")
_TEST = re.compile(r"^- test_\w+\n", re.M)


def docstrings(directory: Path = TESTS) -> Iterator[tuple[str, str]]:
    """Name and docstring of every test."""
    for path in directory.glob("*/**/test_*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            match node:
                case ast.FunctionDef(name=name) | ast.AsyncFunctionDef(name=name):
                    if name.startswith("test_"):
                        yield name, ast.get_docstring(node) or ""


def numbers_in(docstring: str) -> list[str]:
    """The cases that a test checks."""
    head = _HEAD.match(docstring)
    return re.findall(r"\d+b?", head[1]) if head else []


def cases(text: str) -> list[str]:
    """The parts of the list: what comes before the first case, then one for each case."""
    return re.split(r"^(?=\*\*\d)", text, flags=re.M)


def number_of(case: str) -> str:
    found = _CASE.match(case)
    return found[1] if found else ""


def with_tests(text: str, tests: list[tuple[str, str]]) -> str:
    """The list with the tests that name each case, in place of those that it has now.

    Raises LookupError if a test names a case that the list does not have.
    """
    by_number: dict[str, list[str]] = {}
    for name, docstring in tests:
        for number in numbers_in(docstring):
            by_number.setdefault(number, []).append(name)
    parts = cases(text)
    if unknown := by_number.keys() - {number_of(part) for part in parts}:
        raise LookupError(f"no case has the number {', '.join(sorted(unknown))}")
    return "".join(_with_list(part, by_number.get(number_of(part), [])) for part in parts)


def _with_list(case: str, names: list[str]) -> str:
    paragraph, blank, rest = _TEST.sub("", case).partition("\n\n")
    listed = "".join(f"\n- {name}" for name in sorted(names))
    return paragraph.rstrip("\n") + listed + (blank or "\n") + rest


if __name__ == "__main__":
    LIST.write_text(with_tests(LIST.read_text(), list(docstrings())))
