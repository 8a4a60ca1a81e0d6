"""The cache keeps of each object what decisions need, within a limit of size."""

import pickle
from typing import Any

import pytest

from agentrun_kube.names import FINALIZER
from agentrun_kube.v1alpha1.agent_run import AgentRun
from agentrun_kube.vocabulary import Condition, Phase, Reason
from agentrun_operator.facts.runs import (
    DEEPEST_SPEC,
    LARGEST_SPEC,
    MOST_FINALIZERS,
    kept_agent,
    kept_run,
    read_run,
)
from agentrun_operator.runs.policy.decide import decide
from agentrun_operator.state.watched import WATCHED

from .states import view

Object = dict[str, Any]
LARGE = "x" * 1_000_000
MANY: Object = {f"key-{number}": "x" * 100 for number in range(10_000)}
BOUND = 20_000  # bytes of any record, written out


def obj(**spec: Any) -> Object:
    meta = {
        "name": "r",
        "namespace": "ns",
        "uid": "u",
        "resourceVersion": "1",
        "creationTimestamp": "2026-01-01T00:00:00Z",
    }
    return {"metadata": meta, "spec": {"agentRef": {"name": "a"}, **spec}}


def crowded(plural: str) -> Object:
    """As large as its user can make it, everywhere."""
    cancel = {"fieldsV1": {"f:spec": {"f:cancel": {}}}, "manager": "kubectl", "more": LARGE}
    made = obj(
        input=LARGE,
        resume=MANY,
        config={"configurable": MANY},
        env=[{"name": "x", "value": LARGE}],
        envFrom=[MANY],
        resources=MANY,
        podTemplate={"spec": MANY},
        runtime={"command": {"command": [LARGE]}},
        template={"spec": {"containers": [MANY]}},
        unknown=LARGE,
    )
    made["metadata"] |= {
        "labels": MANY,
        "annotations": {
            **MANY,
            "agentrun.dev/queued": LARGE,
            "argocd.argoproj.io/tracking-id": LARGE,
        },
        "finalizers": [*MANY, FINALIZER],
        "managedFields": [cancel] * 1_000,
    }
    made["status"] = {"phase": "Succeeded"}
    if plural == "agentruns":
        made["status"] |= {"output": MANY, "interrupts": [MANY]}
    return made


@pytest.mark.parametrize("plural", ["agentruns", "agents", "jobs", "pods"])
def test_a_record_is_small_however_large_the_object_is(plural: str) -> None:
    assert len(pickle.dumps(WATCHED[plural].parse(crowded(plural)))) < BOUND


def test_a_kept_run_records_whether_it_has_an_input_or_a_resume_value() -> None:
    for field in ("input", "resume"):
        spec = kept_run(obj(**{field: {"text": "x"}})).spec
        assert (spec.has_input, spec.has_resume) == (field == "input", field == "resume")
        assert (spec.input, spec.resume) == (None, None)
    assert not kept_run(obj()).spec.has_input


def test_a_kept_run_has_the_metadata_that_decisions_need() -> None:
    made = crowded("agentruns")
    made["metadata"]["annotations"] |= {"agentrun.dev/queued": "7"}
    kept = kept_run(made)
    assert (kept.queued, kept.has_finalizer, kept.managed_from_git) == (7, True, True)
    assert kept.metadata.managed_fields[0]["manager"] == "kubectl"
    assert len(kept.metadata.finalizers) == MOST_FINALIZERS + 1


def test_a_kept_agent_has_the_defaults_of_its_runs_and_no_env() -> None:
    spec = {
        "runtime": {"langgraph": {"graph": "m:g"}},
        "store": {"claimName": "other"},
        "multitaskStrategy": "reject",
        "retries": 3,
        "env": [{"name": "SECRET", "value": "x"}],
    }
    kept = kept_agent(obj() | {"spec": spec}).spec
    assert (kept.store.claim_name, kept.multitask_strategy, kept.retries) == ("other", "reject", 3)
    assert kept.env == []


def nested(depth: int) -> Any:
    value: Any = 0
    for _ in range(depth):
        value = [value]
    return value


@pytest.mark.parametrize("read", [kept_run, read_run])
@pytest.mark.parametrize(
    ("value", "reason"),
    [
        ("x" * LARGEST_SPEC, Reason.INPUT_TOO_LARGE),
        ([[]] * (LARGEST_SPEC // 3), Reason.INPUT_TOO_LARGE),
        (nested(DEEPEST_SPEC), Reason.INPUT_TOO_DEEP),
    ],
)
@pytest.mark.parametrize("field", ["input", "resume"])
def test_a_spec_that_is_too_large_or_too_deep_fails_its_run_at_once(
    read: Any, value: Any, reason: Reason, field: str
) -> None:
    this: AgentRun = read(obj(**{field: value}))
    assert this.spec.input is None
    plan = decide(view(this))
    assert plan.status is not None
    assert plan.status.phase == Phase.FAILED
    finished = next(c for c in plan.status.conditions if c.type == Condition.FINISHED)
    assert finished.reason == reason
    assert "spec.input" in finished.message


def test_an_input_of_the_greatest_depth_is_accepted() -> None:
    this = read_run(obj(input=nested(DEEPEST_SPEC - 1)))
    assert this.spec.input == nested(DEEPEST_SPEC - 1)
    assert decide(view(this)).status is None


@pytest.mark.parametrize("read", [kept_run, read_run])
@pytest.mark.parametrize(
    ("thread", "queued", "ends"), [("t", False, True), ("t", True, False), (None, False, False)]
)
def test_annotations_that_leave_no_room_for_a_place_in_the_queue_fail_their_run(
    read: Any, thread: str | None, queued: bool, ends: bool
) -> None:
    """The API server allows 256 KiB of them: the operator could not add its own."""
    large = obj() if thread is None else obj(thread=thread)
    place = {"agentrun.dev/queued": "1"} if queued else {}
    large["metadata"]["annotations"] = {"mine": "x" * 262_130} | place
    plan = decide(view(read(large)))
    assert (plan.status is not None and plan.status.phase == Phase.FAILED) == ends
    if ends:
        assert plan.status is not None
        finished = next(c for c in plan.status.conditions if c.type == Condition.FINISHED)
        assert finished.reason == Reason.ANNOTATIONS_TOO_LARGE
        assert "metadata.annotations" in finished.message
