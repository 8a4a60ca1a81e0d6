"""Users with few rights gain none through Agents and AgentRuns."""

import json

import pytest

from .kubectl import Object, get, kubectl, wait_gone
from .namespace import Namespace, agent, agent_run, config_map, put_into
from .run import Run
from .users import bind, grant, refused, refused_attempt, refused_patch, wait_allowed

CANCEL = "you need the verb 'cancel' on agentruns.agentrun.dev"
RELEASE = "the verb 'release' on agentruns.agentrun.dev"


@pytest.fixture
def tina(ns: Namespace) -> str:
    """A user who may create runs, and change and delete them, but may not cancel."""
    bind(ns.name, "tina", "agentrun-run-creator")
    wait_allowed(ns.name, "tina", "deletecollection")
    return "tina"


def test_a_user_who_may_not_create_pods_writes_no_agents(ns: Namespace) -> None:
    """Otherwise an Agent would give them Secrets, service accounts or nodes."""
    grant(ns.name, "ann", "get,create,update,patch", "agents.agentrun.dev")
    wait_allowed(ns.name, "ann", "patch", "agents.agentrun.dev")
    need = "you need the verb 'create' on pods in its namespace"
    plain = agent("hers", graph="steps:graph")
    ns.create(plain)
    assert need in refused_attempt(ns.name, agent("new", graph="a:b"), "--as=ann")
    secret = {"spec": {"envFrom": [{"secretRef": {"name": "s"}}]}}
    account = {"spec": {"podTemplate": {"spec": {"serviceAccountName": "root"}}}}
    for patch in (secret, account, {"metadata": {"labels": {"a": "b"}}}):
        assert need in refused_patch(ns.name, "agent", "hers", patch, "--as=ann")
    text = json.dumps(put_into(ns.name, plain))
    for verb in (("apply", "--server-side", "--force-conflicts"), ("replace",)):
        said = refused(*verb, "-f-", "--as=ann", stdin=text)
        assert need in said
    bind(ns.name, "ann", "agentrun-agent-author")
    wait_allowed(ns.name, "ann", "create", "pods")
    kubectl("replace", "-f-", "--as=ann", stdin=text)


def test_a_user_who_may_not_cancel_stops_no_run(ns: Namespace, tina: str) -> None:
    """By no patch, no delete, and by no owner that does not exist."""
    as_tina = f"--as={tina}"
    run = ns.held_run(hold=2)
    gone = {"apiVersion": "v1", "kind": "ConfigMap", "name": "gone", "uid": "none-such"}
    for patch, field in (
        ({"spec": {"cancel": "interrupt"}}, "spec.cancel"),
        ({"spec": {"cancel": "rollback", "cancelReason": "x"}}, "spec.cancel"),
        ({"metadata": {"ownerReferences": [gone]}}, "metadata.ownerReferences"),
    ):
        said = refused_patch(ns.name, "ar", run.name, patch, as_tina)
        assert CANCEL in said
        assert field in said
    for arguments in (
        ("delete", "ar", run.name, "-n", ns.name, "--wait=false"),
        ("delete", "ar", run.name, "-n", ns.name, "--wait=false", "--cascade=orphan"),
        ("delete", "ar", "--all", "-n", ns.name, "--wait=false"),
        ("delete", f"--raw=/apis/agentrun.dev/v1alpha1/namespaces/{ns.name}/agentruns"),
    ):
        assert CANCEL in refused(*arguments, as_tina)
    run.patch({"metadata": {"labels": {"mine": "yes"}}}, as_tina)
    assert run.get()["status"]["phase"] == "Running"
    assert "deletionTimestamp" not in run.get()["metadata"]
    run.open_gate()
    run.wait("Succeeded")
    run.patch({"metadata": {"ownerReferences": [gone]}}, as_tina, "--dry-run=server")
    kubectl("delete", "ar", run.name, "-n", ns.name, as_tina)


def test_what_belongs_to_a_cancel_needs_the_same_right(ns: Namespace, tina: str) -> None:
    run = ns.run("ignores-sigterm", thread="t", input={}, gracePeriodSeconds=20)
    run.wait_step(1)
    run.patch({"spec": {"cancel": "interrupt", "cancelReason": "a"}})
    for spec, field in (
        ({"cancel": "rollback", "cancelReason": "b"}, "spec.cancel"),
        ({"cancelGracePeriodSeconds": 1}, "spec.cancelGracePeriodSeconds"),
    ):
        said = refused_patch(ns.name, "ar", run.name, {"spec": spec}, f"--as={tina}")
        assert CANCEL in said
        assert field in said
    bind(ns.name, tina, "agentrun-canceller")
    wait_allowed(ns.name, tina, "cancel")
    run.patch({"spec": {"cancelGracePeriodSeconds": 2}}, f"--as={tina}")
    run.patch({"spec": {"cancel": "rollback", "cancelReason": "b"}}, f"--as={tina}")
    run.delete()


def test_the_finalizer_is_the_operators_until_an_administrator_releases_it(
    ns: Namespace, tina: str
) -> None:
    as_tina = f"--as={tina}"
    run = ns.held_run(hold=2)
    off: Object = {"metadata": {"finalizers": None}}
    assert RELEASE in refused_patch(ns.name, "ar", run.name, off, as_tina)
    assert RELEASE in refused_patch(
        ns.name, "ar", run.name, {"metadata": {"annotations": None}}, as_tina
    )
    manifest = put_into(ns.name, agent_run(run.name, "steps"))
    manifest["spec"] = run.get()["spec"]
    replace = ("replace", "-f-", as_tina)
    assert RELEASE in refused(*replace, stdin=json.dumps(manifest))
    other: Object = {"metadata": {"finalizers": ["agentrun.dev/stop", "example.com/mine"]}}
    run.patch(other, as_tina)
    run.patch({"metadata": {"finalizers": ["agentrun.dev/stop"]}}, as_tina)
    bind(ns.name, tina, "agentrun-releaser")
    wait_allowed(ns.name, tina, "release")
    run.patch(off, as_tina, "--dry-run=server")
    run.open_gate()
    run.wait("Succeeded")


def test_the_garbage_collector_still_deletes_a_run_whose_owner_is_deleted(ns: Namespace) -> None:
    ns.create(config_map("workflow", {}))
    found = get("configmap", ns.name, "workflow")
    assert found is not None
    reference = {"apiVersion": "v1", "kind": "ConfigMap", "name": "workflow"}
    manifest = agent_run("owned", "steps", thread="t", input={"steps": 3})
    manifest["spec"]["config"] = {"configurable": {"hold": 2}}
    manifest["metadata"]["ownerReferences"] = [reference | {"uid": found["metadata"]["uid"]}]
    ns.create(manifest)
    run: Run = ns.existing_run("owned")
    run.wait_step(2)
    kubectl("delete", "configmap", "workflow", "-n", ns.name)
    wait_gone("ar", ns.name, "owned")
    assert run.processes() == []
