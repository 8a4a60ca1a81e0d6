"""Manifests that GitOps tools apply again and again, by every method."""

import json

from .deployment import created
from .kubectl import Object, kubectl
from .namespace import Namespace, agent_run, put_into
from .run import Run, refusal


def manifest(agent: str = "steps", **spec: object) -> Object:
    return agent_run("from-git", agent, thread="t", **spec)


def apply_server_side(ns: Namespace, obj: Object) -> None:
    """Apply like Argo CD and Flux: by force, with a field manager of their own."""
    options = ("--server-side", "--force-conflicts", "--field-manager=from-git")
    kubectl("apply", *options, "-f-", stdin=json.dumps(put_into(ns.name, obj)))


def applied(ns: Namespace, obj: Object) -> Run:
    ns.apply(obj)
    return ns.existing_run("from-git")


def test_an_apply_from_git_does_not_take_a_cancel_back(ns: Namespace) -> None:
    """Failure modes 10 and 55."""
    stubborn = manifest("ignores-sigterm", input={}, gracePeriodSeconds=4)
    run = applied(ns, stubborn)
    run.wait_step(1)
    run.cancel("interrupt")
    run.wait("Cancelling")
    for _ in range(2):
        ns.apply(stubborn)
        apply_server_side(ns, stubborn)
        said = refusal(lambda: ns.replace(stubborn))
        assert "spec.cancel cannot be taken back" in said
        assert run.get()["spec"]["cancel"] == "interrupt"
        run.wait_until("has ended", lambda obj: obj["status"]["phase"] == "Interrupted")
        assert run.processes() == []
    assert created(ns.name, "jobs") == 1


def test_a_cancel_that_git_applies_too_is_the_same_cancel(ns: Namespace) -> None:
    """Failure modes 8 and 55. The API server records no time for an apply that changes nothing."""
    stubborn = manifest("ignores-sigterm", input={}, gracePeriodSeconds=4)
    ns.create(stubborn)
    run = ns.existing_run("from-git")
    run.wait_step(1)
    run.cancel("interrupt")
    run.wait("Cancelling")
    stubborn["spec"]["cancel"] = "interrupt"
    apply_server_side(ns, stubborn)
    done = run.wait("Interrupted")
    assert run.processes() == []
    assert done["status"]["cancel"]["by"] == "kubectl-patch"
    reasons = [reason for reason, _ in run.events(until="Interrupted")]
    assert reasons == ["AgentStarted", "Cancelling", "Interrupted"]


def test_an_equal_manifest_is_no_change_and_no_second_run(ns: Namespace) -> None:
    """Failure modes 56 and 59."""
    once = manifest(input={"steps": 1, "done": []})
    run = applied(ns, once)
    done = run.wait("Succeeded")
    ns.apply(once)
    apply_server_side(ns, once)
    ns.replace(once)
    after = run.get()
    assert after["metadata"]["generation"] == done["metadata"]["generation"]
    assert after["status"] == done["status"]
    ns.run("steps", thread="t", input={"steps": 2}).wait("Succeeded")
    assert created(ns.name, "jobs") == 2


def test_a_cancel_may_come_with_a_put_of_the_whole_object(ns: Namespace) -> None:
    """Failure mode 58.

    A PUT drops what the manifest does not have: the operator's finalizer too.
    """
    stubborn = manifest("ignores-sigterm", input={}, gracePeriodSeconds=3)
    run = applied(ns, stubborn)
    run.wait_step(1)
    stubborn["spec"]["cancel"] = "rollback"
    ns.replace(stubborn)
    run.wait_gone()
    assert run.processes() == []
    assert ns.store().segments("threads/t") == []
