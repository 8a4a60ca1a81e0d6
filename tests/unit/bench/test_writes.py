from bench.audited import requests
from bench.runs.writes import Sort, writes

from .audit import audit_event


def test_a_status_write_counts_as_another_kind_than_a_write_of_the_object() -> None:
    seen = requests(
        [
            audit_event(1, "patch", "agentruns"),
            audit_event(2, "patch", "agentruns/status"),
            audit_event(3, "patch", "agentruns/status"),
        ]
    )
    assert writes(seen, 0, 9)[Sort.WRITE] == {"patch agentruns": 1, "patch agentruns/status": 2}


def test_events_and_refused_requests_are_counted_apart_from_writes() -> None:
    seen = requests(
        [
            audit_event(1, "create", "jobs", code=201),
            audit_event(2, "create", "events", code=201),
            audit_event(3, "patch", "agentruns/status", code=409),
            audit_event(4, "create", "events", code=403),
        ]
    )
    assert writes(seen, 0, 9) == {
        Sort.WRITE: {"create jobs": 1},
        Sort.EVENT: {"create events": 1},
        Sort.REFUSED: {"patch agentruns/status": 1, "create events": 1},
    }


def test_writes_of_others_and_of_other_namespaces_are_not_the_operators() -> None:
    seen = requests(
        [
            audit_event(1, "create", "jobs", user="kubernetes-admin"),
            audit_event(2, "create", "jobs", namespace="default"),
        ]
    )
    assert writes(seen, 0, 9)[Sort.WRITE].total() == 0


def test_writes_before_and_after_a_life_belong_to_other_lives() -> None:
    seen = requests([audit_event(at, "patch", "agentruns") for at in (0.5, 1, 1.5, 2, 2.5)])
    assert writes(seen, 1, 2)[Sort.WRITE].total() == 2


def test_cluster_wide_requests_and_requests_without_an_answer_are_passed_over() -> None:
    cluster_wide = audit_event(1, "create", "namespaces")
    del cluster_wide["objectRef"]["namespace"]
    unanswered = audit_event(1, "create", "jobs")
    del unanswered["responseStatus"]
    assert requests([cluster_wide, unanswered]) == []
