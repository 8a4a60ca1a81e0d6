"""The clean-up Job: it may go wherever the run's own pod could, and does not hang for ever."""

from datetime import datetime, timedelta

import pytest

from agentrun_operator.cleanups.policy import LONGEST_BACKOFF
from agentrun_operator.facts.cleanups import Work, cleanup_job_facts
from agentrun_store.cleanup import SECONDS
from objects import Object, label
from simulated.world import World

from .simulated import create, go_on


def cleanup_spec(world: World) -> Object:
    jobs = world.server.all("jobs")
    (cleanup,) = [job for job in jobs if label(job, "app.kubernetes.io/component") == "cleanup"]
    spec: Object = cleanup["spec"]
    return spec


def cleanup_pod_spec(world: World) -> Object:
    spec: Object = cleanup_spec(world)["template"]["spec"]
    return spec


def roll_back(world: World) -> None:
    create(world, thread="t")
    world.start_operator()
    go_on(world, rounds=15)
    world.server.patch("agentruns", "r", {"spec": {"cancel": "rollback"}})


def test_the_clean_up_pod_may_run_where_the_runs_own_pod_could(world: World) -> None:
    may = {
        "tolerations": [{"key": "agents", "operator": "Exists"}],
        "imagePullSecrets": [{"name": "registry"}],
        "serviceAccountName": "agents",
    }
    template = {"spec": {**may, "nodeSelector": {"gpu": "yes"}}}
    world.server.patch("agents", "a", {"spec": {"podTemplate": template}})
    roll_back(world)
    # What counts is what the run's own pod had, not what its Agent says by now.
    world.server.patch("agents", "a", {"spec": {"podTemplate": {"spec": {"tolerations": "none"}}}})
    go_on(world, rounds=15)
    spec = cleanup_pod_spec(world)
    assert {field: spec.get(field) for field in may} == may
    assert "nodeSelector" not in spec


def test_a_clean_up_job_is_created_although_the_runs_job_is_gone(world: World) -> None:
    roll_back(world)
    go_on(world, rounds=2)
    world.server.delete("jobs", "r")
    go_on(world, rounds=15)
    assert cleanup_pod_spec(world)


def test_the_clean_up_pod_prefers_the_node_of_the_runs_pod(world: World) -> None:
    roll_back(world)
    (agent,) = world.nodes.alive
    go_on(world, rounds=15)
    node_affinity = cleanup_pod_spec(world)["affinity"]["nodeAffinity"]
    (term,) = node_affinity["preferredDuringSchedulingIgnoredDuringExecution"]
    (field,) = term["preference"]["matchFields"]
    assert field == {"key": "metadata.name", "operator": "In", "values": [agent.node]}


def test_the_clean_up_jobs_deadline_is_longer_than_its_own_limit_and_under_an_hour(
    world: World,
) -> None:
    roll_back(world)
    go_on(world, rounds=15)
    assert SECONDS < cleanup_spec(world)["activeDeadlineSeconds"] < 3600


def test_a_clean_up_job_is_kept_until_the_next_attempt_and_at_most_a_day(world: World) -> None:
    """The newest Job has the number of its attempt and must stay until the next one is created."""
    roll_back(world)
    go_on(world, rounds=15)
    kept = timedelta(seconds=cleanup_spec(world)["ttlSecondsAfterFinished"])
    assert LONGEST_BACKOFF < kept <= timedelta(days=1)


WORK = Work(frozenset({"a", "b"}), 1)


def ended_pod(message: str, code: int = 0) -> Object:
    """A clean-up's pod named c whose termination message the kubelet has cut, or not."""
    meta = {"name": "c", "uid": "c", "creationTimestamp": "2026-01-01T00:00:00Z"}
    end = {"exitCode": code, "message": message, "finishedAt": "2026-01-01T00:01:00Z"}
    container = {"name": "cleanup", "state": {"terminated": end}}
    phase = "Failed" if code else "Succeeded"
    return {
        "metadata": meta,
        "spec": {},
        "status": {"phase": phase, "containerStatuses": [container]},
    }


REPORT = '{"runs": {"a": {"checkpoints": 3}, "x": {"checkpoints": 1}}, "errors": {}}'


def test_a_partial_report_counts_for_those_runs_of_its_job_that_it_names() -> None:
    meta = {"name": "c", "uid": "c", "creationTimestamp": "2026-01-01T00:00:00Z"}
    job: Object = {"metadata": meta, "spec": {}, "status": {}}
    facts = cleanup_job_facts(job, [ended_pod(REPORT, 137)], WORK, {})
    assert (facts.deleted, facts.unread_log) == ({"a": 3}, None)
    assert "ended with code 137 before it had reported on this run" in facts.problem


@pytest.mark.parametrize(
    ("logs", "deleted", "unread"),
    [
        ({}, {}, "c"),
        ({"c": f"begins\n{REPORT}\n"}, {"a": 3}, None),
        ({"c": "nothing\n{}"}, {}, None),
    ],
)
def test_a_report_that_the_kubelet_cut_is_read_from_the_log(
    logs: dict[str, str], deleted: dict[str, int], unread: str | None
) -> None:
    meta = {"name": "c", "uid": "c", "creationTimestamp": "2026-01-01T00:00:00Z"}
    job: Object = {"metadata": meta, "spec": {}, "status": {}}
    facts = cleanup_job_facts(job, [ended_pod(REPORT[:20])], WORK, logs)
    assert (facts.deleted, facts.unread_log) == (deleted, unread)
    assert (facts.finished_at is None) == (unread is not None), "its report may still come"


def test_a_clean_up_that_was_evicted_before_it_started_has_ended_when_its_job_says_so() -> None:
    """Failure mode 31. The kubelet then gives null for both times of its container."""
    meta = {"name": "c", "uid": "c", "creationTimestamp": "2026-01-01T00:00:00Z"}
    at = "2026-01-01T00:01:00Z"
    times = {"startedAt": None, "finishedAt": None}
    end = {"exitCode": 137, "reason": "ContainerStatusUnknown", "message": "not located", **times}
    container = {"name": "cleanup", "state": {"terminated": end}}
    pod: Object = {
        "metadata": meta,
        "spec": {},
        "status": {"phase": "Failed", "containerStatuses": [container]},
    }
    failed = {"type": "Failed", "status": "True", "lastTransitionTime": at}
    job: Object = {"metadata": meta, "spec": {}, "status": {}}
    assert cleanup_job_facts(job, [pod], WORK, {"c": ""}).finished_at is None, (
        "its Job says when, a second later"
    )
    job["status"] = {"conditions": [failed]}
    assert cleanup_job_facts(job, [pod], WORK, {"c": ""}).finished_at == datetime.fromisoformat(at)
