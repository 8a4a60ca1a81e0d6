"""tests/FAILURE_MODES.md and the docstrings of the tests name each other."""

import ast
import re
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path

TESTS = Path(__file__).parents[1]
LIST = TESTS / "FAILURE_MODES.md"
ENTRY = re.compile(r"^\*\*(\d+b?)\*\* |^- (test_\w+)$", re.M)
HEAD = re.compile(r"Failure modes? (\d+b?(?:(?:, | and )\d+b?)*)[.:]")


def listed() -> dict[str, set[str]]:
    """The numbers that the list gives each test."""
    numbers: dict[str, set[str]] = defaultdict(set)
    number = ""
    for head, test in ENTRY.findall(LIST.read_text()):
        number = head or number
        if test:
            numbers[test].add(number)
    return dict(numbers)


def docstrings() -> Iterator[tuple[str, str]]:
    """Name and docstring of every test."""
    for path in TESTS.glob("*/**/test_*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            match node:
                case ast.FunctionDef(name=name) | ast.AsyncFunctionDef(name=name):
                    if name.startswith("test_"):
                        yield name, ast.get_docstring(node) or ""


def numbers_in(docstring: str) -> set[str]:
    head = HEAD.match(docstring)
    return set(re.findall(r"\d+b?", head[1])) if head else set()


def test_the_list_and_a_docstring_do_not_agree() -> None:
    found = {name: numbers_in(docstring) for name, docstring in docstrings()}
    assert {name: numbers for name, numbers in found.items() if numbers} == listed()


def test_a_number_is_hidden_in_the_middle_of_a_docstring() -> None:
    mentioned = [name for name, text in docstrings() if "ailure mode" in text]
    assert [name for name in mentioned if name not in listed()] == []


def test_two_tests_of_the_list_share_a_name() -> None:
    names = [name for name, _ in docstrings() if name in listed()]
    assert sorted(names) == sorted(set(names))


def test_a_case_is_missing() -> None:
    numbers = re.findall(r"^\*\*(\d+b?)\*\* ", LIST.read_text(), re.M)
    assert numbers == [*map(str, range(1, 21)), "20b", *map(str, range(21, 72))]


def test_a_case_has_neither_a_test_nor_a_reason() -> None:
    for case in re.split(r"^(?=\*\*\d)", LIST.read_text(), flags=re.M)[1:]:
        assert re.search(r"^- test_|Not applicable yet:", case, re.M), case
