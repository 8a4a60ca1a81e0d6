"""Whether a run may start: nothing is made too early, and every wait says what it waits for."""

from datetime import timedelta

import pytest

from agentrun_kube.v1alpha1.agent_run import AgentRun
from agentrun_kube.vocabulary import Condition, Phase, Reason
from agentrun_operator.runs.plan import (
    AddFinalizer,
    CreateJob,
    Plan,
    RemoveFinalizer,
    RequestCleanup,
)
from agentrun_operator.runs.policy import start
from agentrun_operator.runs.policy.decide import decide

from .states import CREATED, NOW, PENDING_POD, job, run, view


def started(plan: Plan) -> tuple[str, str]:
    assert plan.status is not None
    condition = next(c for c in plan.status.conditions if c.type == Condition.STARTED)
    return condition.reason, condition.message


def test_a_new_run_adds_its_finalizer_before_it_creates_its_job() -> None:
    assert decide(view(run())).actions == (AddFinalizer(),)


def test_a_run_with_the_finalizer_creates_its_job_only_after_a_direct_read() -> None:
    plan = decide(view(run(has_finalizer=True)))
    assert plan.actions == (CreateJob(),)
    assert plan.confirm


def test_a_run_with_the_finalizer_waits_only_after_a_direct_read() -> None:
    """Its Job may have succeeded, which is not watched."""
    assert decide(view(run(has_finalizer=True), agent=None)).confirm


def test_a_run_whose_agent_does_not_exist_waits_and_names_the_field() -> None:
    plan = decide(view(run(), agent=None))
    assert plan.actions == ()
    reason, message = started(plan)
    assert reason == Reason.AGENT_NOT_FOUND
    assert "spec.agentRef.name" in message
    assert plan.status is not None
    assert plan.status.phase == Phase.PENDING


def test_a_name_too_long_for_a_job_fails_at_once_and_says_so() -> None:
    plan = decide(view(run("r" * 64)))
    assert plan.status is not None
    assert plan.status.phase == Phase.FAILED
    finished = next(c for c in plan.status.conditions if c.type == Condition.FINISHED)
    assert finished.reason == Reason.NAME_TOO_LONG
    assert "metadata.name" in finished.message
    assert plan.actions == ()


def test_a_name_of_63_characters_is_not_too_long() -> None:
    assert decide(view(run("r" * 63))).actions == (AddFinalizer(),)


@pytest.mark.parametrize("owner", [None, "another-owner"])
def test_a_foreign_job_of_the_same_name_is_never_taken_over(owner: str | None) -> None:
    """Failure mode 23."""
    plan = decide(view(run(has_finalizer=True), job=job(owner=owner)))
    assert plan.actions == ()
    assert started(plan)[0] == Reason.JOB_NAME_TAKEN
    assert plan.look_again_at is not None, "Jobs of others are not watched"


def test_an_existing_job_of_the_run_is_not_made_again() -> None:
    """Failure modes 2 and 25: the Job is found by its name, not by what the status says."""
    plan = decide(view(run(has_finalizer=True), job=job()))
    assert plan.actions == ()
    assert plan.status is None


def test_a_run_that_has_a_pod_but_no_job_gets_no_new_job() -> None:
    plan = decide(view(run(has_finalizer=True), pods=(PENDING_POD,)))
    assert CreateJob() not in plan.actions


def test_the_older_run_of_a_thread_goes_first() -> None:
    older = run("a", uid="u2", created=CREATED - timedelta(seconds=1))
    plan = decide(view(run(), rivals=(older,)))
    assert plan.actions == ()
    reason, message = started(plan)
    assert reason == Reason.THREAD_BUSY
    assert "AgentRun a is ahead" in message


def test_of_runs_made_in_the_same_second_the_first_by_name_goes_first() -> None:
    assert decide(view(run("b"), rivals=(run("a", uid="u2"),))).actions == ()
    assert decide(view(run("b"), rivals=(run("c", uid="u2"),))).actions == (AddFinalizer(),)


def test_a_run_waits_for_a_younger_one_that_holds_the_thread() -> None:
    younger = run("b", uid="u2", has_finalizer=True, created=NOW)
    plan = decide(view(run("a"), rivals=(younger,)))
    assert plan.actions == ()
    assert started(plan)[0] == Reason.THREAD_BUSY


def test_of_two_holders_of_a_thread_neither_creates_a_job_and_the_younger_releases_it() -> None:
    """Failure mode 26: two operators, each with a cache of its own."""
    older, younger = run("a", has_finalizer=True), run("b", uid="u2", has_finalizer=True)
    for_older = decide(view(older, rivals=(younger,)))
    assert for_older.actions == ()
    assert gives_way(younger, older)


def test_a_holder_without_a_job_releases_the_thread_to_a_run_that_has_started() -> None:
    begun = run("b", uid="u2", has_finalizer=True, created=NOW, jobName="b")
    assert gives_way(run("a", has_finalizer=True), begun)


def gives_way(this: AgentRun, rival: AgentRun) -> bool:
    """With the status that its first decision wrote."""
    marked = decide(view(this, rivals=(rival,))).status
    again = this.model_copy(update={"status": marked})
    return decide(view(again, rivals=(rival,))).actions == (RemoveFinalizer(),)


def test_a_run_that_releases_its_thread_keeps_the_names_of_its_job_and_claim() -> None:
    older, younger = run("a", has_finalizer=True), run("b", uid="u2", has_finalizer=True)
    plan = decide(view(younger, rivals=(older,)))
    assert plan.actions == (), "the thread first, then the finalizer"
    assert plan.status is not None
    assert plan.status.holds_thread is None
    assert (plan.status.job_name, plan.status.claim_name) == ("b", "agentrun-store")


def test_a_run_that_released_its_thread_is_rolled_back_with_a_clean_up() -> None:
    """The request that creates its Job may have been sent before and take effect after."""
    older, younger = run("a", has_finalizer=True), run("b", uid="u2", has_finalizer=True)
    gave_way = decide(view(younger, rivals=(older,))).status
    assert gave_way is not None
    cancelled = run("b", uid="u2", cancel="rollback").model_copy(update={"status": gave_way})
    assert decide(view(cancelled)).actions == (AddFinalizer(),)
    guarded = run("b", uid="u2", cancel="rollback", has_finalizer=True)
    guarded = guarded.model_copy(update={"status": gave_way})
    assert decide(view(guarded)).actions == (RequestCleanup("agentrun-store"),)


def test_a_waiting_run_that_is_unchanged_keeps_its_status_and_sends_no_event() -> None:
    first = decide(view(run(), agent=None))
    assert first.status is not None
    assert len(first.events) == 1
    again = run().model_copy(update={"status": first.status})
    later = decide(view(again, agent=None, now=NOW + timedelta(minutes=1)))
    assert later.status == first.status
    assert later.events == ()


def test_a_refused_job_is_reported_with_the_servers_message() -> None:
    plan = start.rejected(view(run(has_finalizer=True)), "spec.template: bad.")
    reason, message = started(plan)
    assert reason == Reason.JOB_REJECTED
    assert "spec.template: bad." in message


def test_an_input_that_no_pod_can_carry_fails_the_run_at_once() -> None:
    """Failure mode 45."""
    this = run()
    large = this.model_copy(update={"spec": this.spec.model_copy(update={"input": "x" * 250_000})})
    plan = decide(view(large))
    assert plan.status is not None
    assert plan.status.phase == Phase.FAILED
    finished = next(c for c in plan.status.conditions if c.type == Condition.FINISHED)
    assert finished.reason == Reason.INPUT_TOO_LARGE
    assert "spec.input" in finished.message
