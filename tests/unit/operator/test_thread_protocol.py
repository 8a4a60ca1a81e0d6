"""Which run holds a thread: its status says so before its Job exists, and is read again then."""

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from agentrun_kube.names import LABEL_RUN_UID
from agentrun_kube.v1alpha1.agent_run import AgentRun
from agentrun_kube.vocabulary import Phase, Reason
from agentrun_operator.facts.jobs import job_facts
from agentrun_operator.runs.plan import AddFinalizer, CreateJob
from agentrun_operator.runs.policy.decide import decide
from judge.excuses import TAKEN_OFF
from objects import Object, merged, name_of, uid_of
from simulated.kube import Request
from simulated.world import World

from .simulated import agents_finish, create, go_on, phase
from .states import CREATED, NOW, RUNNING_POD, UID, job, run, thread, view


def test_the_thread_is_taken_by_status_before_the_job_is_made() -> None:
    first = decide(view(run()))
    assert first.actions == (AddFinalizer(),)
    assert first.status is not None
    assert (first.status.phase, first.status.holds_thread) == (Phase.PENDING, True)
    assert (first.status.job_name, first.status.claim_name) == ("r", "agentrun-store")
    taken = run(has_finalizer=True, holds=False).model_copy(update={"status": first.status})
    second = decide(view(taken))
    assert (second.actions, second.confirm) == ((CreateJob(),), True)


def test_after_a_crash_between_finalizer_and_thread_the_run_takes_the_thread() -> None:
    plan = decide(view(run(has_finalizer=True, holds=False)))
    assert plan.actions == ()
    assert plan.status is not None
    assert plan.status.holds_thread


def test_a_run_without_a_thread_takes_none() -> None:
    assert decide(view(run(thread=None))).status is None
    assert decide(view(run(thread=None, has_finalizer=True))).actions == (CreateJob(),)


@pytest.mark.parametrize(
    ("highest", "seq"),
    [
        (0, int(NOW.timestamp() * 1000)),
        (int(NOW.timestamp() * 1000) + 5, int(NOW.timestamp() * 1000) + 6),
    ],
)
def test_a_segment_comes_after_all_that_are_known(highest: int, seq: int) -> None:
    this = run()
    plan = decide(view(this, thread=thread(this, highest_seq=highest)))
    assert plan.status is not None
    assert plan.status.segment == f"{seq}-{UID}"


def test_a_finalizer_that_a_user_adds_or_removes_changes_nothing() -> None:
    """Any user may edit finalizers: they neither take nor release a thread."""
    runs = run("other", uid="o", holds=True, phase=Phase.RUNNING, created=CREATED)
    younger = run("jumps", uid="j", has_finalizer=True, holds=False, created=NOW)
    for rivals in ((runs, younger), (runs,)):
        plan = decide(view(run(created=NOW), rivals=rivals))
        assert plan.actions == ()
        assert plan.status is not None
        assert plan.status.holds_thread is None
    assert AddFinalizer() in decide(view(run(), rivals=(younger,))).actions


def test_a_live_pod_of_another_run_keeps_a_run_from_its_thread() -> None:
    stray = replace(RUNNING_POD, name="stray", run_uid="gone")
    for this in (run(), run(has_finalizer=True)):
        plan = decide(view(this, thread=thread(this, intruders=(stray,))))
        assert plan.actions == ()
        assert plan.status is not None
        (condition,) = plan.status.conditions
        assert condition.reason == Reason.THREAD_BUSY
        assert "Pod stray" in condition.message


def test_a_waiting_run_names_the_one_before_it() -> None:
    rivals = tuple(
        run(name, uid=name, created=CREATED - timedelta(seconds=10 - number))
        for number, name in enumerate("abc")
    )
    plan = decide(view(run(), rivals=rivals))
    assert plan.status is not None
    assert "AgentRun c is ahead" in plan.status.conditions[0].message


def test_the_final_status_releases_the_thread() -> None:
    live = run(has_finalizer=True, phase=Phase.RUNNING, jobName="r")
    plan = decide(view(live, pods=(replace(RUNNING_POD, phase="Succeeded", exit_code=0),)))
    assert plan.status is not None
    assert plan.status.phase == Phase.SUCCEEDED
    assert plan.status.holds_thread is None
    assert plan.status.segment == live.status.segment


def test_the_jobs_uid_is_written_with_the_first_status_that_knows_the_job() -> None:
    plan = decide(view(run(has_finalizer=True), job=job(), pods=(RUNNING_POD,)))
    assert plan.status is not None
    assert plan.status.job_uid == "job-uid"


@pytest.mark.parametrize(("known", "own"), [("job-uid", True), ("another", False), (None, False)])
def test_a_job_without_an_owner_is_the_runs_only_by_its_uid(known: str | None, own: bool) -> None:
    """Any user may set labels: they prove nothing."""
    orphaned = replace(job(owner=None), made_for=UID)
    assert (view(run(jobUid=known), job=orphaned).own_job is not None) == own


def test_a_job_of_another_owner_is_not_the_runs() -> None:
    meta: Object = {"name": "r", "uid": "job-uid", "creationTimestamp": "2026-01-01T00:00:00Z"}
    meta |= {"labels": {LABEL_RUN_UID: UID}, "ownerReferences": [{"uid": "x", "controller": True}]}
    facts = job_facts({"metadata": meta, "spec": {"template": {"spec": {}}}})
    assert view(run(jobUid="job-uid"), job=facts).own_job is None


# On the simulated cluster


def test_no_other_run_starts_when_a_user_removes_the_finalizer_of_a_live_run(world: World) -> None:
    create(world, "a", thread="t")
    create(world, "z", thread="t")
    world.start_operator()
    go_on(world, rounds=6)
    for _ in range(20):
        found = world.server.get("agentruns", "a")
        assert found is not None
        world.server.update("agentruns", found, merged(found, {"metadata": {"finalizers": []}}))
        go_on(world)
    assert (phase(world, "a"), phase(world, "z")) == ("Running", "Pending")
    assert world.judge.violations == []


def test_the_pod_of_a_deleted_run_delays_the_next_run_of_its_thread(
    world: World,
) -> None:
    """Any user may delete a run with its finalizer; the agent uses its whole grace period."""
    create(world, "a", thread="t")
    create(world, "z", thread="t")
    world.start_operator()
    go_on(world, rounds=6)
    found: Any = world.server.get("agentruns", "a")
    world.recorder.befell(uid_of(found), TAKEN_OFF)
    world.server.update("agentruns", found, merged(found, {"metadata": {"finalizers": []}}))
    world.server.delete("agentruns", "a")
    go_on(world, rounds=10, pause=0.2)
    (pod,) = world.server.all("pods")
    assert (phase(world, "a"), phase(world, "z")) == ("gone", "Pending")
    found = world.server.get("agentruns", "z")
    assert f"Pod {name_of(pod)} is alive" in found["status"]["conditions"][0]["message"]
    go_on(world, rounds=10, pause=2)
    assert phase(world, "z") == "Running"
    assert world.judge.violations == []


def test_a_run_has_its_segment_before_its_job(world: World) -> None:
    seen: list[AgentRun] = []

    def serve(request: Request) -> None:
        if request.text.startswith("create jobs"):
            found = world.server.get("agentruns", request.text.partition("/")[2])
            assert found is not None
            seen.append(AgentRun.model_validate(found))
        request.serve()

    for name in "abc":
        create(world, name, thread="t")
    world.start_operator()
    for _ in range(3):
        go_on(world, serve, rounds=8)
        agents_finish(world)
    assert [name_of(r) for r in world.server.all("agentruns")] == list("abc")
    assert all(r.holds_thread for r in seen)
    assert len({r.seq for r in seen}) == 3
    assert [r.seq for r in seen] == sorted(r.seq for r in seen)
