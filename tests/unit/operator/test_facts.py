"""Reading what others may have written."""

import pytest

from agentrun_operator.account import read_account


@pytest.mark.parametrize(
    "text",
    [
        "",
        "no json",
        "[" * 4096,
        "[]",
        "null",
        '{"result": "Great"}',
        '{"result": "Failed", "checkpoint": {"count": 99999999999999999999}}',
    ],
)
def test_a_termination_message_that_is_no_account_is_none(text: str) -> None:
    assert read_account(text) is None


def test_an_account_that_nests_too_deeply_for_a_status_keeps_its_run_from_ending() -> None:
    """Any program may write it; the status could never be written."""
    deep = "[" * 300 + "]" * 300
    assert read_account('{"result": "Succeeded", "output": ' + deep + "}") is None
    assert read_account('{"result": "Succeeded", "output": [[]]}') is not None
