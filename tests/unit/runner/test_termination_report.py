"""The termination report fits into a termination message, whatever its content."""

import json
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from agentrun_runner.encoding import fit
from agentrun_runner.termination_report import MAX_BYTES

# Also half surrogate pairs, which JSON can encode and UTF-8 cannot.
TEXT = st.text(st.characters(), max_size=3000) | st.text(st.sampled_from("a\x00\udc80ü🙂"))
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | TEXT,
    lambda inner: st.lists(inner) | st.dictionaries(TEXT, inner),
)

INTERRUPTS = st.lists(st.fixed_dictionaries({"node": TEXT}, optional={"id": TEXT, "value": JSON}))


def report_of(output: Any, interrupts: Any = (), message: str = "") -> dict[str, Any]:
    return {
        "result": "Succeeded",
        "message": message,
        "output": output,
        "interrupts": list(interrupts),
        "checkpoint": {"id": "1f1e5530-ac43-6c6e-bfff-2d6c1d4b3f01", "count": 12},
    }


@settings(deadline=None)
@given(JSON, INTERRUPTS, TEXT)
def test_any_report_fits_and_is_json(output: Any, interrupts: list[Any], message: str) -> None:
    """Failure mode 53."""
    data = fit(report_of(output, interrupts, message), MAX_BYTES)

    assert len(data) <= MAX_BYTES
    report = json.loads(data)
    assert report["result"] == "Succeeded"
    assert report["checkpoint"]["count"] == 12


@settings(deadline=None)
@given(JSON)
def test_output_is_cut_only_when_it_must_be_and_then_says_so(output: Any) -> None:
    report = report_of(output)
    whole = json.dumps(report, ensure_ascii=False, separators=(",", ":"))
    fits = len(whole.encode("utf-8", "replace")) <= MAX_BYTES

    assert json.loads(fit(report, MAX_BYTES)).get("outputTruncated", False) is not fits


def test_the_shape_of_the_output_survives_the_cut() -> None:
    messages = [{"type": "ai", "content": f"{n} " + "x" * 500} for n in range(100)]
    report = json.loads(fit(report_of({"messages": messages, "done": True}), MAX_BYTES))

    assert report["output"]["done"] is True
    last = report["output"]["messages"][-1]
    assert last["type"] == "ai"
    assert last["content"].startswith("99 xxx")


def test_deep_output_fits() -> None:
    deep: Any = "x" * 5000
    for _ in range(200):
        deep = {"deeper": [deep]}

    assert len(fit(report_of(deep), MAX_BYTES)) <= MAX_BYTES


def question(n: int, value: object) -> dict[str, Any]:
    return {"id": f"{n:032x}", "node": f"ask_{n}", "value": value}


def test_large_output_does_not_crowd_out_the_questions() -> None:
    documents = [
        {
            "title": f"document {n}",
            "fields": {f"field {m}": "x" * 50 for m in range(8)},
            "parts": [{"text": "y" * 400, "tags": ["tag"] * 8} for _ in range(8)],
        }
        for n in range(50)
    ]
    interrupts = [question(n, f"question {n}?") for n in range(6)]
    output = {"documents": documents, "more": documents}
    report = json.loads(fit(report_of(output, interrupts), MAX_BYTES))

    assert report["interrupts"] == interrupts
    assert report["output"].keys() == output.keys()


def test_long_questions_lose_their_end_and_keep_their_ids() -> None:
    interrupts = [question(n, {"text": "?" * 1000}) for n in range(10)]
    report = json.loads(fit(report_of({"n": 1}, interrupts), MAX_BYTES))

    assert report["output"] is None
    assert report["outputTruncated"] is True
    assert [{**asked, "value": None} for asked in report["interrupts"]] == [
        question(n, None) for n in range(10)
    ]
    assert all(asked["value"]["text"].startswith("???") for asked in report["interrupts"])
    assert "interruptsTruncated" not in report


def test_of_too_many_questions_the_last_are_missing_and_the_report_says_so() -> None:
    interrupts = [question(n, "?") for n in range(5000)]
    report = json.loads(fit(report_of(None, interrupts), MAX_BYTES))

    assert report["interrupts"] == interrupts[: len(report["interrupts"])]
    assert len(report["interrupts"]) > 40
    assert report["interruptsTruncated"] is True
    assert "outputTruncated" not in report
    assert report["checkpoint"]["count"] == 12
