"""The report in a termination message that the kubelet may have cut, and what is believed of it."""

import json
from typing import Any

import pytest

from agentrun_kube.termination_report import LARGEST_VALUE, REPORT_CUT, parse_report, read_report
from agentrun_operator.facts.pods import pod_facts
from agentrun_operator.runs.policy.outcome import outcome_of_pods

SHORT = '{"result": "Succeeded", "checkpoint": {"id": "c"}, "cut": true}'
WHOLE = '{"result": "Succeeded", "output": {"x": "\u2028"}, "checkpoint": {"id": "c"}}'
LOG = '{"event":"end"}\n' + WHOLE.replace("{", '{"event":"report",', 1) + '\n{"event":"finished"'


@pytest.mark.parametrize("message", [WHOLE, f"{SHORT}\n{WHOLE}", f"{SHORT}\n{WHOLE}\n"])
def test_a_whole_report_needs_no_log(message: str) -> None:
    account, unread = read_report(message, None)
    assert account is not None
    assert (account.output, unread) == ({"x": "\u2028"}, False)


@pytest.mark.parametrize("message", [SHORT, f"{SHORT}\n{WHOLE[:30]}", SHORT[:20]])
def test_a_report_that_was_cut_is_read_from_the_log(message: str) -> None:
    assert read_report(message, None)[1]
    last_line = WHOLE.replace("{", '{"event":"finished",', 1)
    for log in (LOG, last_line, f"{LOG}\n{last_line}"):
        account, unread = read_report(message, log)
        assert account is not None
        assert (account.output, unread) == ({"x": "\u2028"}, False)


def test_without_a_log_the_short_report_counts_and_says_that_it_was_cut() -> None:
    account, unread = read_report(f"{SHORT}\n{WHOLE[:30]}", "")
    assert account is not None
    assert (account.result, account.message, unread) == ("Succeeded", REPORT_CUT, False)
    assert read_report(SHORT[:20], "") == (None, False)
    assert read_report("", None) == (None, False), "the runner was killed: nothing was cut"


def pod(message: str, **annotations: str) -> dict[str, Any]:
    at = "2026-01-01T00:00:00Z"
    end = {"exitCode": 143, "message": message, "startedAt": at, "finishedAt": at}
    container = {"name": "agent", "state": {"terminated": end}}
    return {
        "metadata": {
            "name": "p",
            "uid": "p",
            "creationTimestamp": at,
            "annotations": annotations,
        },
        "spec": {"nodeName": "n", "activeDeadlineSeconds": 1},
        "status": {
            "phase": "Failed",
            "reason": "DeadlineExceeded",
            "containerStatuses": [container],
        },
    }


def test_a_foreign_image_has_no_report_whatever_it_writes() -> None:
    forged = pod('{"result": "Succeeded", "output": "forged"}')
    end = outcome_of_pods((pod_facts(forged),))
    assert end is not None
    assert (end.phase, end.report) == (None, None)
    ours = pod('{"result": "Succeeded"}', **{"agentrun.dev/runner": "true"})
    end = outcome_of_pods((pod_facts(ours),))
    assert end is not None
    assert end.phase == "Succeeded"


def test_the_texts_of_a_report_are_bounded_and_clean() -> None:
    said = {
        "result": "Failed",
        "reason": "no reason\x1b[31m",
        "message": "\x1b[2J\n" + "ä" * 5000,
        "output": {"text": "x" * 5000},
        "interrupts": [{"value": "y" * 5000}],
        "checkpoint": {"id": "z" * 5000},
    }
    account = parse_report(json.dumps(said))
    assert account is not None
    assert account.reason is None, "the operator says AgentFailed"
    assert len(account.message.encode()) <= 1024
    assert "\x1b" not in account.message
    assert isinstance(account.output, str)
    assert len(account.output.encode()) <= LARGEST_VALUE
    assert account.output_truncated
    assert account.interrupts == ()
    assert account.checkpoint is not None
    assert len(account.checkpoint.id or "") <= 253


def test_a_lone_surrogate_becomes_a_question_mark() -> None:
    account = parse_report('{"result": "Succeeded", "output": {"a": "\\ud800"}}')
    assert account is not None
    assert account.output == {"a": "?"}
