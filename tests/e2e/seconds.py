"""The time of a session of tests: by part, and by file for those that take long."""

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator
from pathlib import PurePath

import pytest

LONG = 20.0  # seconds


def lines(reports: Iterable[pytest.TestReport]) -> Iterator[str]:
    """One line for each part, the longest first, then one for each file that takes long.

    They are sums over all processes of the session, and include the waits for a test's turn.
    """
    parts: dict[str, float] = defaultdict(float)
    files: dict[str, float] = defaultdict(float)
    tests: Counter[str] = Counter()
    for report in reports:
        path, _, test = report.nodeid.partition("::")
        part = PurePath(path).parent.as_posix() + (", alone" if test.endswith("@alone") else "")
        parts[part] += report.duration
        files[path] += report.duration
        tests[part] += report.when == "call"
    for part, seconds in _longest_first(parts):
        yield f"{seconds:6.0f} s  {part} ({tests[part]} tests)"
    for path, seconds in _longest_first(files):
        if seconds >= LONG:
            yield f"{seconds:6.0f} s  {path}"


def _longest_first(seconds: dict[str, float]) -> list[tuple[str, float]]:
    return sorted(seconds.items(), key=lambda entry: -entry[1])
