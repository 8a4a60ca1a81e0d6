"""The API server's own refusals, and their messages."""

from typing import Any

import pytest

from .kubectl import Object
from .namespace import Namespace, agent, agent_run
from .run import Run, refusal


@pytest.fixture(scope="module")
def pending(shared_ns: Namespace) -> Run:
    """A run that waits for its Agent, and sets every field but the answer, which it cannot have."""
    return shared_ns.run(
        "nobody",
        thread="t",
        input={"steps": 1},
        checkpoint={"id": "c"},
        config={"recursionLimit": 5, "configurable": {"a": 1}},
        multitaskStrategy="reject",
        timeoutSeconds=60,
        gracePeriodSeconds=5,
        retries=1,
        ttlSecondsAfterFinished=60,
        reclaimPolicy="Delete",
    )


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("agentRef", {"name": "other"}),
        ("thread", "other"),
        ("thread", None),
        ("input", {"steps": 2}),
        ("input", {"steps": 1, "more": [{}]}),
        ("input", None),
        ("config", {"recursionLimit": 6}),
        ("config", {"configurable": {"a": 2}}),
        ("config", None),
        ("checkpoint", {"id": "d"}),
        ("checkpoint", None),
        ("multitaskStrategy", "interrupt"),
        ("multitaskStrategy", None),
        ("timeoutSeconds", 61),
        ("timeoutSeconds", None),
        ("gracePeriodSeconds", 6),
        ("gracePeriodSeconds", None),
        ("retries", 0),
        ("retries", None),
        ("ttlSecondsAfterFinished", 61),
        ("ttlSecondsAfterFinished", None),
        ("reclaimPolicy", "Retain"),
        ("reclaimPolicy", None),
    ],
)
def test_a_change_of_the_spec_is_refused(pending: Run, field: str, value: object) -> None:
    said = refusal(lambda: pending.patch({"spec": {field: value}}))
    assert f"spec.{field} is immutable; create another AgentRun" in said


@pytest.fixture(scope="module")
def bare(shared_ns: Namespace) -> Run:
    """A run that waits for its Agent, and sets no other field."""
    return shared_ns.run("nobody")


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("thread", "t"),
        ("input", {"steps": 1}),
        ("config", {}),
        ("multitaskStrategy", "enqueue"),
        ("timeoutSeconds", 60),
        ("gracePeriodSeconds", 5),
        ("retries", 0),
        ("ttlSecondsAfterFinished", 0),
    ],
)
def test_a_field_that_was_not_set_stays_unset(bare: Run, field: str, value: object) -> None:
    said = refusal(lambda: bare.patch({"spec": {field: value}}))
    assert f"spec.{field} is immutable; create another AgentRun" in said


@pytest.mark.parametrize("value", ["yes", "no", None])
def test_a_change_of_the_answer_is_refused(shared_ns: Namespace, value: object) -> None:
    run = shared_ns.run("nobody", thread="answers", resume="maybe")
    said = refusal(lambda: run.patch({"spec": {"resume": value}}))
    assert "spec.resume is immutable; create another AgentRun" in said


@pytest.mark.parametrize(
    ("spec", "words"),
    [
        ({"thread": "t", "input": {}, "resume": 1}, "at most one of spec.input and spec.resume"),
        ({"resume": 1}, "spec.resume and spec.checkpoint need spec.thread"),
        ({"checkpoint": {"id": "c"}}, "spec.resume and spec.checkpoint need spec.thread"),
    ],
)
def test_fields_that_do_not_go_together_are_refused(
    shared_ns: Namespace, spec: Object, words: str
) -> None:
    assert words in refusal(lambda: shared_ns.run("nobody", **spec))


def test_an_unknown_action_is_refused(pending: Run) -> None:
    said = refusal(lambda: pending.cancel("pause"))
    assert 'spec.cancel: Unsupported value: "pause"' in said
    assert '"interrupt", "rollback"' in said


def test_a_cancel_is_neither_taken_back_nor_weakened(ns: Namespace) -> None:
    """Failure modes 9 and 10."""
    run = ns.run("ignores-sigterm", thread="t", input={}, gracePeriodSeconds=4)
    run.wait_step(1)
    run.cancel("rollback")
    back = refusal(lambda: run.patch({"spec": {"cancel": None}}))
    assert "spec.cancel cannot be taken back: the run is being stopped" in back
    weaker = refusal(lambda: run.cancel("interrupt"))
    assert "spec.cancel cannot be weakened from rollback to interrupt" in weaker
    run.wait_gone()


@pytest.fixture(scope="module")
def succeeded(shared_ns: Namespace) -> Run:
    run = shared_ns.run("steps", thread="done", input={"steps": 1})
    run.wait("Succeeded")
    return run


@pytest.mark.parametrize("action", ["interrupt", "rollback"])
def test_a_cancel_of_a_run_that_has_finished_is_refused(succeeded: Run, action: str) -> None:
    """Failure modes 7 and 71."""
    said = refusal(lambda: succeeded.cancel(action))
    assert "spec.cancel: the run has already finished; there is nothing left to cancel" in said
    assert "cancel" not in succeeded.get()["spec"]


def test_a_rollback_of_a_run_that_was_interrupted_is_refused(shared_ns: Namespace) -> None:
    """Failure mode 7."""
    run = shared_ns.run("nobody", cancel="interrupt")
    run.wait("Interrupted")
    said = refusal(lambda: run.cancel("rollback"))
    assert "spec.cancel: the run has already finished; there is nothing left to cancel" in said


@pytest.mark.parametrize("thread", ["..", ".", "a/b", "-a", "a-", "", "a b", "a\n", "ä", "a" * 64])
def test_a_thread_that_is_no_name_is_refused(shared_ns: Namespace, thread: str) -> None:
    said = refusal(lambda: shared_ns.run("steps", thread=thread))
    assert "spec.thread" in said


@pytest.mark.parametrize(
    "runtime",
    [
        {},
        {"langgraph": {"graph": "a:b"}, "command": {"command": ["true"]}},
    ],
)
def test_an_agent_with_no_runtime_or_two_is_refused(shared_ns: Namespace, runtime: Object) -> None:
    said = refusal(lambda: shared_ns.create(agent("a", runtime=runtime)))
    assert "set exactly one of spec.runtime.langgraph and spec.runtime.command" in said


@pytest.mark.parametrize(
    ("spec", "field"),
    [
        ({"runtime": {"langgraph": {"graph": "no colon"}}}, "spec.runtime.langgraph.graph"),
        ({"runtime": {"langgraph": {"graph": "a:b; c"}}}, "spec.runtime.langgraph.graph"),
        ({"runtime": {"command": {"command": []}}}, "spec.runtime.command.command"),
        ({}, "runtime"),
    ],
)
def test_an_agent_that_makes_no_sense_is_refused(
    shared_ns: Namespace, spec: dict[str, Any], field: str
) -> None:
    assert field in refusal(lambda: shared_ns.create(agent("a", **spec)))


@pytest.mark.parametrize(
    ("spec", "field"),
    [
        ({"gracePeriodSeconds": 0}, "spec.gracePeriodSeconds"),
        ({"config": {"recursionLimit": 0}}, "spec.config.recursionLimit"),
        ({"agentRef": {"name": ""}}, "spec.agentRef.name"),
    ],
)
def test_a_run_that_makes_no_sense_is_refused(
    shared_ns: Namespace, spec: dict[str, Any], field: str
) -> None:
    run = agent_run("r", "steps")
    run["spec"] |= spec
    assert field in refusal(lambda: shared_ns.create(run))


def test_an_equal_apply_of_a_finished_run_changes_nothing(ns: Namespace) -> None:
    """Failure modes 56 and 59."""
    manifest = agent_run("once", "steps", thread="t", input={"steps": 1})
    assert "created" in ns.apply(manifest)
    run = ns.existing_run("once")
    before = run.wait("Succeeded")
    assert "unchanged" in ns.apply(manifest)
    again = ns.run("steps", thread="t", input={"steps": 2})
    again.wait("Succeeded")
    assert run.get()["metadata"]["resourceVersion"] == before["metadata"]["resourceVersion"]
    assert len(run.pods()) == 1


def test_what_belongs_to_a_cancel_comes_with_it_or_after_it(ns: Namespace) -> None:
    waiting = ns.run("nobody", thread="waits")
    for field, value in (("cancelReason", "because"), ("cancelGracePeriodSeconds", 5)):
        said = refusal(lambda f=field, v=value: waiting.patch({"spec": {f: v}}))  # type: ignore[misc]
        assert f"spec.{field} needs spec.cancel" in said
        spec = {field: value}
        said = refusal(lambda s=spec: ns.run("nobody", **s))  # type: ignore[misc]
        assert f"spec.{field} needs spec.cancel" in said
    run = ns.run("ignores-sigterm", thread="t", input={}, gracePeriodSeconds=8)
    run.wait_step(1)
    run.cancel("interrupt", "because")
    said = refusal(lambda: run.patch({"spec": {"cancelReason": "of her"}}))
    assert "spec.cancelReason changes only together with spec.cancel" in said
    said = refusal(lambda: run.patch({"spec": {"cancelReason": None}}))
    assert "spec.cancelReason changes only together with spec.cancel" in said
    for seconds in (7, 6):
        run.patch({"spec": {"cancelGracePeriodSeconds": seconds}})
    said = refusal(lambda: run.patch({"spec": {"cancelGracePeriodSeconds": 7}}))
    assert "spec.cancelGracePeriodSeconds may only be lowered" in said
    said = refusal(lambda: run.patch({"spec": {"cancelGracePeriodSeconds": None}}))
    assert "spec.cancelGracePeriodSeconds cannot be taken back" in said
    run.wait("Interrupted")
    said = refusal(lambda: run.patch({"spec": {"cancelGracePeriodSeconds": 1}}))
    assert "spec.cancelGracePeriodSeconds: the run has already finished" in said
