"""Jobs, pods and labels that look like the operator's: no user can make them, not even an admin."""

import copy
import json
from typing import Any

from .kubectl import Object, get_all, kubectl, wait_until
from .namespace import Namespace, agent_run, foreign_job, put_into
from .run import Run
from .users import (
    CRONJOB_CONTROLLER,
    JOB_CONTROLLER,
    attempt,
    refused,
    refused_attempt,
    refused_patch,
)

MANAGED = {"app.kubernetes.io/managed-by": "agentrun-operator"}
LABELS = {"agentrun.dev/run-uid": "u", "agentrun.dev/thread": "t"}
ANNOTATIONS = {"agentrun.dev/claim": "agentrun-store"}
MARKS: tuple[Object, ...] = (
    {"labels": LABELS},
    {"annotations": ANNOTATIONS},
    {"labels": MANAGED},
)


def owner(run: Run, *, controller: bool = True) -> Object:
    kind = {"apiVersion": "agentrun.dev/v1alpha1", "kind": "AgentRun"}
    return kind | {"name": run.name, "uid": run.uid, "controller": controller}


def marked(obj: Object, mark: Object, *, on_pods: bool = False) -> Object:
    made = copy.deepcopy(obj)
    (made["spec"]["template"] if on_pods else made).setdefault("metadata", {}).update(mark)
    return made


def pod(name: str, **metadata: Any) -> Object:
    """A pod that does nothing, and that a restricted namespace admits."""
    security = {
        "allowPrivilegeEscalation": False,
        "capabilities": {"drop": ["ALL"]},
        "runAsNonRoot": True,
        "runAsUser": 1,
        "seccompProfile": {"type": "RuntimeDefault"},
    }
    container = {"name": "c", "image": "localhost/none:1", "securityContext": security}
    body = {"apiVersion": "v1", "kind": "Pod", "spec": {"containers": [container]}}
    return body | {"metadata": {"name": name, **metadata}}


def test_no_user_makes_a_job_that_looks_like_the_operators(ns: Namespace) -> None:
    """Forged clean-up Jobs and runs' Jobs, and the pods that they would create."""
    run = ns.run("nobody", thread="t")
    for name in (run.name, "agentrun-cleanup-0123456789abcdef"):
        job = foreign_job(name)
        attempt(ns.name, job)
        for mark in MARKS:
            for on_pods in (False, True):
                forged = marked(job, mark, on_pods=on_pods)
                for user in ((), (f"--as={CRONJOB_CONTROLLER}",)):
                    said = refused_attempt(ns.name, forged, *user)
                    assert "AgentRun operator" in said
                    assert "metadata" in said
        owned = marked(job, {"ownerReferences": [owner(run)]})
        assert "metadata.ownerReferences" in refused_attempt(ns.name, owned)
    # Allowed: an owner reference to a run that does not name it as the controller.
    attempt(ns.name, marked(foreign_job("x"), {"ownerReferences": [owner(run, controller=False)]}))
    # Other ways to create.
    forged = marked(foreign_job("forged"), MARKS[0])
    text = json.dumps(put_into(ns.name, forged))
    apply = ("apply", "--server-side", "-f-", "--dry-run=server")
    assert "agentrun.dev/" in refused(*apply, stdin=text)
    generated = copy.deepcopy(forged)
    del generated["metadata"]["name"]
    generated["metadata"]["generateName"] = "agentrun-cleanup-"
    assert "agentrun.dev/" in refused_attempt(ns.name, generated)


def test_only_the_job_controller_makes_pods_with_the_operators_marks(ns: Namespace) -> None:
    job = {"apiVersion": "batch/v1", "kind": "Job", "name": "j", "uid": "u", "controller": True}
    others = {"apiVersion": "apps/v1", "kind": "ReplicaSet", "name": "r", "uid": "u"}
    controller = f"--as={JOB_CONTROLLER}"
    attempt(ns.name, pod("p"))
    attempt(ns.name, pod("p", ownerReferences=[job], **MARKS[0]), controller)
    for mark in MARKS:
        assert "AgentRun operator" in refused_attempt(ns.name, pod("p", **mark))
        for owners in ([], [others | {"controller": True}], [job | {"controller": False}]):
            forged = pod("p", ownerReferences=owners, **mark)
            assert "AgentRun operator" in refused_attempt(ns.name, forged, controller)
    labels = LABELS | MANAGED
    template = {"metadata": {"labels": labels}, "spec": pod("p")["spec"]}
    replica_set = {
        "apiVersion": "apps/v1",
        "kind": "ReplicaSet",
        "metadata": {"name": "forger"},
        "spec": {"selector": {"matchLabels": labels}, "template": template},
    }
    ns.create(replica_set)
    failed = wait_until(
        "the ReplicaSet makes no pod",
        "replicaset",
        ns.name,
        lambda obj: bool(obj["status"].get("conditions")),
    )
    (condition,) = failed["status"]["conditions"]
    assert condition["type"] == "ReplicaFailure"
    assert "AgentRun operator" in condition["message"]
    assert get_all("pods", ns.name, "agentrun.dev/run-uid=u") == []


def test_no_user_changes_the_operators_marks_on_a_live_run(ns: Namespace) -> None:
    """On the run, its Job and its pod; by each kind of write that could change metadata."""
    run = ns.held_run(hold=2)
    name = run.pod()["metadata"]["name"]
    changes: tuple[Object, ...] = (
        {"labels": {"agentrun.dev/run-uid": "other"}},
        {"labels": {"agentrun.dev/run-uid": None}},
        {"labels": {"agentrun.dev/finished": "true"}},
        {"labels": {"app.kubernetes.io/managed-by": None}},
        {"labels": {"app.kubernetes.io/component": "cleanup"}},
        {"annotations": {"agentrun.dev/retries": "9", "agentrun.dev/run-file": "{}"}},
        {"labels": None, "annotations": None},
    )
    for kind, of in (("job", run.name), ("pod", name)):
        for change in changes:
            said = refused_patch(ns.name, kind, of, {"metadata": change})
            assert "AgentRun operator" in said, (kind, change)
        said = refused_patch(ns.name, kind, of, {"metadata": changes[0]}, "--subresource=status")
        assert "AgentRun operator" in said
        said = refused_patch(ns.name, kind, of, {"metadata": {"ownerReferences": None}})
        assert "metadata.ownerReferences" in said
        kubectl("label", kind, of, "-n", ns.name, "mine=yes")
    # Without these the Job controller releases the pod, and creates another one beside it.
    for key in ("batch.kubernetes.io/controller-uid", "controller-uid"):
        said = refused_patch(ns.name, "pod", name, {"metadata": {"labels": {key: None}}})
        assert "AgentRun operator" in said, key
    binding = {
        "apiVersion": "v1",
        "kind": "Binding",
        "metadata": {"name": name, "annotations": {"agentrun.dev/run-file": "{}"}},
        "target": {"apiVersion": "v1", "kind": "Node", "name": "n"},
    }
    for path in (f"pods/{name}/binding", "bindings"):
        raw = f"/api/v1/namespaces/{ns.name}/{path}"
        said = refused("create", f"--raw={raw}", "-f-", stdin=json.dumps(binding))
        assert "AgentRun operator" in said
    for change in (
        {"finalizers": ["agentrun.dev/stop", "agentrun.dev/other"]},
        {"labels": {"agentrun.dev/cancelled-by": "me"}},
        {"annotations": {"agentrun.dev/queued": "1"}},
    ):
        said = refused_patch(ns.name, "ar", run.name, {"metadata": change})
        assert "only the operator" in said, change
    status = {"status": {"holdsThread": False}}
    said = refused_patch(ns.name, "ar", run.name, status, "--subresource=status")
    assert "only the operator writes the status" in said
    run.open_gate()
    run.wait("Succeeded")


def test_a_run_is_not_born_with_the_operators_marks(ns: Namespace) -> None:
    for mark in (
        {"finalizers": ["agentrun.dev/stop"]},
        {"labels": {"agentrun.dev/thread": "t"}},
        {"annotations": {"agentrun.dev/queued": "1"}},
    ):
        born = agent_run("born", "steps", thread="t")
        born["metadata"] |= mark
        said = refused_attempt(ns.name, born)
        assert "only the operator" in said
        assert "take them out" in said


def test_the_instance_of_a_run_is_chosen_when_it_is_created_and_stays(ns: Namespace) -> None:
    label = "agentrun.dev/instance"
    for name, chosen in (("with", "e2e-nobody"), ("without", None)):
        born = agent_run(name, "steps", thread="t")
        born["metadata"] |= {"labels": {label: chosen}} if chosen else {}
        ns.create(born | {"spec": born["spec"] | {"cancel": "interrupt"}})
        for other in ({"e2e-nobody", "other"} - {chosen}) | ({None} if chosen else set()):
            change = {"metadata": {"labels": {label: other}}}
            assert "stays what it was" in refused_patch(ns.name, "ar", name, change), other
        kubectl("label", "ar", name, "-n", ns.name, "mine=yes")
