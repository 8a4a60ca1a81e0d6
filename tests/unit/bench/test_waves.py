from collections import Counter

import pytest

from bench.waves.launcher import noted
from bench.waves.readings import Cost, longest_gap


def test_a_gap_counts_in_every_part_that_it_reaches_into() -> None:
    renewals = [("a", 0.0), ("a", 2.0), ("a", 9.0), ("a", 11.0)]
    assert longest_gap(renewals, since=8.0, now=12.0) == 7.0
    assert longest_gap(renewals, since=10.0, now=12.0) == 2.0


def test_a_lease_that_is_not_renewed_any_more_has_a_gap_until_now() -> None:
    assert longest_gap([("a", 0.0), ("a", 2.0)], since=1.0, now=20.0) == 18.0


def test_no_gap_reaches_from_one_holder_to_the_next() -> None:
    renewals = [("a", 0.0), ("a", 2.0), ("", 3.0), ("b", 30.0), ("b", 32.0)]
    assert longest_gap(renewals, since=0.0, now=33.0) == 2.0


@pytest.mark.parametrize(
    ("method", "path", "query", "what"),
    [
        ("GET", "/api/v1/namespaces/ns/pods/p", None, "get pods"),
        ("GET", "/api/v1/namespaces/ns/pods", {"limit": "50"}, "list pods"),
        ("GET", "/api/v1/pods", {"watch": "true"}, "watch pods"),
        ("GET", "/api/v1/nodes/n", None, "get nodes"),
        ("POST", "/apis/batch/v1/namespaces/ns/jobs", None, "create jobs"),
        (
            "PATCH",
            "/apis/agentrun.dev/v1alpha1/namespaces/ns/agentruns/r/status",
            None,
            "patch agentruns/status",
        ),
    ],
)
def test_a_request_is_noted_by_verb_and_resource(
    method: str, path: str, query: dict[str, str] | None, what: str
) -> None:
    assert noted(method, path, query) == what


def test_watches_and_events_are_neither_reads_nor_writes() -> None:
    requests = Counter(
        {"get jobs": 2, "list pods": 1, "patch pods": 4, "watch pods": 8, "create events": 16}
    )
    cost = Cost(0.0, 0.0, 0.0, peak=0, gap=0.0, requests=requests)
    assert (cost.reads(), cost.writes()) == (3, 4)
