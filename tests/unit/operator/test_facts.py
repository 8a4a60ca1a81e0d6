"""Reading what any user or program may have written."""

import pytest

from agentrun_kube.objects import Object
from agentrun_kube.termination_report import parse_report
from agentrun_operator.facts.pods import pod_facts


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
def test_a_termination_message_that_is_no_report_is_ignored(text: str) -> None:
    assert parse_report(text) is None


def test_a_report_that_nests_too_deeply_for_a_status_is_ignored() -> None:
    """Any program may write it, and the API server would refuse the status."""
    deep = "[" * 300 + "]" * 300
    assert parse_report('{"result": "Succeeded", "output": ' + deep + "}") is None
    assert parse_report('{"result": "Succeeded", "output": [[]]}') is not None


@pytest.mark.parametrize("number", ["NaN", "-Infinity", "1e999", "1" * 400])
def test_a_report_with_a_number_that_the_api_server_refuses_is_ignored(number: str) -> None:
    """Any program may write it, and the API server would refuse the status."""
    assert parse_report('{"result": "Succeeded", "output": [' + number + "]}") is None


def test_the_numbers_of_a_report_keep_value_and_type() -> None:
    account = parse_report('{"result": "Succeeded", "output": [-1, 1.5, 2e3, 9007199254740993]}')
    assert account is not None
    assert account.output == [-1, 1.5, 2000.0, 9007199254740993]
    assert [type(number) for number in account.output] == [int, float, float, int]


META = {"name": "r-abc", "uid": "pod-uid", "creationTimestamp": "2026-01-02T03:04:05Z"}
WAITS = {"waiting": {"reason": "PodInitializing"}}
CRASHED = {"waiting": {"reason": "CrashLoopBackOff"}}


@pytest.mark.parametrize(
    ("status", "started"),
    [
        ({}, False),
        ({"containerStatuses": [{"name": "agent", "state": WAITS}]}, False),
        ({"initContainerStatuses": [{"name": "w", "state": {"running": {}}}]}, True),
        ({"initContainerStatuses": [{"name": "w", "state": {"terminated": {}}}]}, True),
        (
            {
                "containerStatuses": [
                    {"name": "agent", "state": CRASHED, "lastState": {"terminated": {}}}
                ]
            },
            True,
        ),
    ],
)
def test_a_pod_has_started_if_a_container_runs_or_has_run(status: Object, started: bool) -> None:
    """Failure mode 4. Otherwise its pod would be deleted with a grace period of 2 seconds."""
    facts = pod_facts({"metadata": META, "spec": {}, "status": status})
    assert facts.has_started == started


def half_reported(**status: object) -> Object:
    """A pod as a kubelet writes it that has just restarted: its phase, but not its containers."""
    running = {"name": "agent", "state": {"running": {"startedAt": "2026-01-02T03:04:05Z"}}}
    meta = {"name": "r-abc", "uid": "pod-uid", "creationTimestamp": "2026-01-02T03:04:05Z"}
    reported = {"phase": "Failed", "containerStatuses": [running], **status}
    return {"metadata": meta, "spec": {"nodeName": "n"}, "status": reported}


def test_a_failed_pod_is_alive_until_its_kubelet_has_written_how_its_containers_ended() -> None:
    assert pod_facts(half_reported()).alive
    ended = {"name": "agent", "state": {"terminated": {"exitCode": 143}}}
    assert not pod_facts(half_reported(containerStatuses=[ended])).alive


def test_a_failed_pod_that_the_cluster_gave_up_is_not_alive() -> None:
    """No kubelet will write how its containers ended."""
    given_up = {"type": "DisruptionTarget", "status": "True", "reason": "DeletionByPodGC"}
    assert not pod_facts(half_reported(conditions=[given_up])).alive
