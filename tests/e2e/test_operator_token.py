"""A thief with the operator's token can do no more than the operator does."""

import json
from pathlib import Path

import pytest

from agentrun_operator.pod_security import Level, violations
from pod_security_cases import CASES

from . import deployment
from .kubectl import Object, get_all, kubectl
from .namespace import Namespace, foreign_job
from .run import Run
from .test_forged_objects import MANAGED, marked, owner, pod
from .users import attempt, refused, refused_attempt, refused_patch, token_of


@pytest.fixture
def operator(cluster: str, tmp_path: Path) -> str:
    return token_of(deployment.NAMESPACE, deployment.NAME, tmp_path)


def alike(name: str, run: Run) -> Object:
    """A Job that looks like one of the operator's."""
    labels = MANAGED | {"app.kubernetes.io/component": "agent"}
    return marked(foreign_job(name), {"labels": labels, "ownerReferences": [owner(run)]})


def test_the_operators_token_is_the_operator(operator: str) -> None:
    assert kubectl("auth", "whoami", "-ojsonpath={.status.userInfo.username}", operator) == (
        deployment.USER
    )


def test_the_clusters_own_namespaces_are_out_of_its_reach(ns: Namespace, operator: str) -> None:
    run = ns.run("nobody", thread="t")
    words = "touches no Jobs and pods of the cluster's own namespaces"
    for namespace in ("kube-system", "kube-public", "kube-node-lease", deployment.NAMESPACE):
        job = alike(run.name, run)
        assert words in refused_attempt(namespace, job, operator)
    image = [{"op": "replace", "path": "/spec/containers/0/image", "value": "evil"}]
    for namespace in ("kube-system", deployment.NAMESPACE):
        for there in get_all("pods", namespace):
            name = there["metadata"]["name"]
            dry = ("--dry-run=server", operator)
            assert words in refused_patch(namespace, "pod", name, image, *dry)
            label = {"metadata": {"labels": MANAGED}}
            assert words in refused_patch(namespace, "pod", name, label, *dry)
            delete = ("delete", "pod", name, "-n", namespace, *dry)
            assert words in refused(*delete)


def test_jobs_and_pods_of_others_are_out_of_its_reach(ns: Namespace, operator: str) -> None:
    ns.create(foreign_job("foreign"), pod("foreign"))
    dry = ("-n", ns.name, "--dry-run=server", operator)
    for kind in ("job", "pod"):
        deadline = {"spec": {"activeDeadlineSeconds": 1}}
        for patch in (deadline, {"metadata": {"labels": MANAGED}}):
            said = refused_patch(ns.name, kind, "foreign", patch, *dry[2:])
            assert "changes and deletes its own Jobs and pods only" in said
        said = refused("delete", kind, "foreign", *dry)
        assert "changes and deletes its own Jobs and pods only" in said


def test_the_operator_makes_jobs_of_agent_runs_only(ns: Namespace, operator: str) -> None:
    run = ns.run("nobody", thread="t")
    words = "makes Jobs of AgentRuns only"
    no_owner = alike(run.name, run)
    del no_owner["metadata"]["ownerReferences"]
    other_owner = alike(run.name, run)
    other_owner["metadata"]["ownerReferences"].append(
        {"apiVersion": "v1", "kind": "ConfigMap", "name": "c", "uid": "u"}
    )
    no_label = alike(run.name, run)
    del no_label["metadata"]["labels"]["app.kubernetes.io/managed-by"]
    cleanup = alike(run.name, run)
    cleanup["metadata"]["labels"]["app.kubernetes.io/component"] = "cleanup"
    for job in (no_owner, other_owner, no_label, cleanup, alike("backup-29876543", run)):
        assert words in refused_attempt(ns.name, job, operator)
    said = refused_attempt(ns.name, pod("p"), operator)
    assert "cannot create resource" in said


def test_the_operator_changes_only_what_a_stop_needs(ns: Namespace, operator: str) -> None:
    run = ns.held_run(hold=2)
    name = run.pod()["metadata"]["name"]
    dry = ("--dry-run=server", operator)
    for kind, of, spec in (
        ("job", run.name, {"suspend": True}),
        ("job", run.name, {"parallelism": 2}),
        ("job", run.name, {"ttlSecondsAfterFinished": 0}),
        ("pod", name, {"tolerations": [{"operator": "Exists"}]}),
    ):
        patch = {"spec": spec}
        if kind == "pod":
            patch["spec"]["tolerations"] += run.pod()["spec"]["tolerations"]
        said = refused_patch(ns.name, kind, of, patch, *dry)
        assert "changes backoffLimit and activeDeadlineSeconds" in said, spec
    image = [{"op": "replace", "path": "/spec/containers/0/image", "value": "evil"}]
    said = refused_patch(ns.name, "pod", name, image, *dry)
    assert "changes backoffLimit and activeDeadlineSeconds" in said
    for kind, of in (("job", run.name), ("pod", name)):
        for metadata in (
            {"labels": {"agentrun.dev/run-uid": "other"}},
            {"labels": {"app.kubernetes.io/managed-by": None}},
            {"annotations": {"mine": "x"}},
            {"ownerReferences": None},
        ):
            said = refused_patch(ns.name, kind, of, {"metadata": metadata}, *dry)
            assert "puts the label agentrun.dev/finished" in said, metadata
        # The operator's own requests.
        for done in (
            {"metadata": {"labels": {"agentrun.dev/finished": "true"}}},
            {"spec": {"activeDeadlineSeconds": 60}},
        ):
            options = ("-n", ns.name, "--type=merge", f"--patch={json.dumps(done)}", *dry)
            kubectl("patch", kind, of, *options)
        kubectl("delete", kind, of, "-n", ns.name, *dry)
    run.open_gate()
    run.wait("Succeeded")


def test_its_jobs_have_no_pods_beyond_the_baseline(ns: Namespace, operator: str) -> None:
    """Not even for an existing run, whatever level the namespace enforces."""
    run = ns.run("nobody", thread="t")
    kubectl("label", "namespace", ns.name, "pod-security.kubernetes.io/enforce-")
    pods = {name: case for name, _, case in CASES}
    refused = {name for name, case in pods.items() if violations(case, Level.BASELINE)}
    for name, case in pods.items():
        job = alike(run.name, run)
        template = job["spec"]["template"]
        template["metadata"] = case["metadata"]
        template["spec"] = case["spec"] | {"restartPolicy": "Never"}
        if name in refused:
            said = refused_attempt(ns.name, job, operator)
            assert "the AgentRun operator makes no" in said, name
        else:
            attempt(ns.name, job, operator)
