"""The operator's log: one JSON object a line, whatever is in a name."""

import json
import logging

from agentrun_operator.logs import LONGEST_MESSAGE, JsonLines


def line(message: str, *arguments: object, exc_info: BaseException | None = None) -> str:
    record = logging.LogRecord("x", logging.WARNING, "f", 1, message, arguments, None)
    if exc_info is not None:
        record.exc_info = (type(exc_info), exc_info, None)
    return JsonLines().format(record)


def test_a_name_adds_no_line_and_no_control_character() -> None:
    text = line("run %s", '\x1b[2J"}\n{"severity": "info"')
    assert "\n" not in text
    assert json.loads(text)["message"] == 'run \ufffd[2J"} {"severity": "info"'


def test_a_line_is_bounded() -> None:
    assert len(json.loads(line("x" * 1_000_000))["message"].encode()) <= LONGEST_MESSAGE
    assert len(line("failed", exc_info=ValueError("x" * 1_000_000))) < 20_000


def test_an_error_has_its_trace() -> None:
    assert "ValueError: odd" in json.loads(line("failed", exc_info=ValueError("odd")))["exc_info"]
