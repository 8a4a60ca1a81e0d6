"""tests/FAILURE_MODES.md has the tests whose docstrings name its cases."""

import re

import pytest

from failure_modes import LIST, cases, docstrings, number_of, numbers_in, with_tests

TEXT = """# Failure modes

**1** It goes wrong.
- test_that_is_gone

**2** It goes very wrong.
Not applicable yet: nothing does it.

## More

**20b** It goes wrong in another way.
"""


def test_the_list_is_up_to_date() -> None:
    """After a change of a test's name or docstring: ``make failure-modes``."""
    assert with_tests(LIST.read_text(), list(docstrings())) == LIST.read_text()


def test_a_docstring_that_mentions_a_failure_mode_begins_with_it() -> None:
    mentioned = [(name, text) for name, text in docstrings() if "ailure mode" in text]
    assert [name for name, text in mentioned if not numbers_in(text)] == []


def test_each_test_of_the_list_has_a_name_of_its_own() -> None:
    names = [name for name, text in docstrings() if numbers_in(text)]
    assert sorted(names) == sorted(set(names))


def test_the_list_has_every_case_in_order() -> None:
    numbers = [number_of(case) for case in cases(LIST.read_text())[1:]]
    assert numbers == [*map(str, range(1, 21)), "20b", *map(str, range(21, 72))]


def test_every_case_has_a_test_or_a_reason_why_not() -> None:
    for case in cases(LIST.read_text())[1:]:
        assert re.search(r"^- test_|Not applicable yet:", case, re.M), case


def test_a_case_lists_the_tests_that_name_it_and_keeps_its_text() -> None:
    tests = [
        ("test_b", "Failure modes 1 and 20b: both."),
        ("test_a", "Failure mode 1."),
        ("test_c", "Of a kind."),
    ]
    written = TEXT.replace("- test_that_is_gone", "- test_a\n- test_b").replace(
        "another way.", "another way.\n- test_b"
    )
    assert with_tests(TEXT, tests) == written
    assert with_tests(written, tests) == written


def test_a_test_that_names_no_case_of_the_list_is_an_error() -> None:
    with pytest.raises(LookupError, match="number 99"):
        with_tests(TEXT, [("test_a", "Failure mode 99.")])
