"""Text from users, agents and kubelets: cleaned, it is bounded, valid and without controls."""

import pytest

from agentrun_kube.text import LONGEST, clean
from agentrun_operator.runs.policy.decide import decide

from .states import run, view


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("as it is: ä, 漢字, \u200d", "as it is: ä, 漢字, \u200d"),
        ("two\nlines\tand\r\u2028more", "two lines and  more"),
        ("\x1b[31mred\x00\x7f\x9b", "\ufffd[31mred\ufffd\ufffd\ufffd"),
        ("\u202egnp.exe\u2066", "\ufffdgnp.exe\ufffd"),
        ("half a pair: \ud800", "half a pair: \ufffd"),
    ],
)
def test_control_characters_are_replaced(text: str, expected: str) -> None:
    assert clean(text) == expected


@pytest.mark.parametrize(
    "text", ["x" * 2000, "ä" * 2000, "漢" * 400, "\x00" * 5000, "\U0001f600" * 300]
)
def test_a_long_text_is_cut_between_characters(text: str) -> None:
    short = clean(text)
    assert LONGEST - 6 <= len(short.encode()) <= LONGEST
    assert short.endswith("...")


def test_a_text_of_the_greatest_length_stays_whole() -> None:
    assert clean("x" * LONGEST) == "x" * LONGEST
    assert clean("x" * 11, longest=10) == "x" * 7 + "..."


def test_the_texts_of_a_user_are_cleaned_before_a_condition_has_them() -> None:
    odd = "\x1b[2J" + "x" * 5000
    plan = decide(view(run(thread=None, cancel="interrupt", spec_more={"cancelReason": odd})))
    assert plan.status is not None
    assert plan.status.cancel is not None
    waits = decide(view(run(thread=None, spec_more={"agentRef": {"name": odd}}), agent=None))
    assert waits.status is not None
    texts = [c.message for c in (*plan.status.conditions, *waits.status.conditions)]
    for text in [*texts, plan.status.cancel.reason or ""]:
        assert "\x1b" not in text
        assert len(text.encode()) <= LONGEST
