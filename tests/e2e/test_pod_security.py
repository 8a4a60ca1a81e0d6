"""The rights of a run's pods: the operator's check of them, beside the API server's own."""

import json
import re
import subprocess
import uuid
from collections.abc import Iterator

import pytest

from agentrun_operator.pod_security import Level, violations
from pod_security_cases import CASES, Object

from . import deployment
from .kubectl import PATIENCE, create, get, kubectl
from .namespace import Namespace, agent, agent_run

REFUSED = re.compile(r'pods "([^"]+)" is forbidden: violates PodSecurity')


@pytest.fixture
def enforced(request: pytest.FixtureRequest, cluster: str) -> Iterator[tuple[str, Level]]:
    """A namespace that enforces a level."""
    level: Level = request.param
    name = f"e2e-{level}-{uuid.uuid4().hex[:8]}"
    labels = {"pod-security.kubernetes.io/enforce": str(level), "agentrun.dev/e2e": cluster}
    create({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name, "labels": labels}})
    kubectl("wait", "serviceaccount/default", "-n", name, "--for=create", f"--timeout={PATIENCE}s")
    yield name, level
    kubectl("delete", "namespace", name, "--wait=false")


def verdicts(namespace: str, pods: list[Object]) -> tuple[set[str], set[str], str]:
    """Names of the pods that the API server would admit, and of those that a level refuses."""
    manifest = json.dumps({"apiVersion": "v1", "kind": "List", "items": pods})
    command = ["kubectl", "create", "-f-", "-n", namespace, "--dry-run=server", "-oname"]
    done = subprocess.run(command, input=manifest, capture_output=True, text=True, check=False)
    taken = {line.removeprefix("pod/") for line in done.stdout.split()}
    return taken, set(REFUSED.findall(done.stderr)), done.stderr


@pytest.mark.parametrize("enforced", Level, indirect=True, ids=str)
def test_the_operator_and_the_api_server_agree_on_every_pod(enforced: tuple[str, Level]) -> None:
    namespace, level = enforced
    pods = [case | {"metadata": case["metadata"] | {"name": name}} for name, _, case in CASES]
    taken, refused, said = verdicts(namespace, pods)
    assert refused == {name for name, _, case in CASES if violations(case, level)}
    assert taken == {name for name, _, _ in CASES} - refused, said


FACTS = (
    "import os, pathlib; pathlib.Path('/tmp/x').touch(); "
    "print(os.getuid(), os.access('/', os.W_OK), os.path.exists('/var/run/secrets'))"
)


def test_every_container_is_non_root_with_a_read_only_root_and_without_a_token(
    ns: Namespace,
) -> None:
    helper: Object = {"image": deployment.runner_image(), "command": ["python3", "-c", FACTS]}
    waits = helper | {"command": ["python3", "-c", f"{FACTS}; import signal; signal.pause()"]}
    template = {
        "spec": {
            "initContainers": [
                {"name": "first", **helper},
                {"name": "proxy", "restartPolicy": "Always", **waits},
            ],
            "containers": [
                {"name": "beside", "securityContext": {"readOnlyRootFilesystem": False}, **helper}
            ],
        }
    }
    ns.create(agent("with-helpers", graph="steps:graph", podTemplate=template))
    run = ns.run("with-helpers", thread="t", input={"steps": 1})
    run.wait("Succeeded")
    for name in ("first", "proxy", "beside"):
        log = kubectl("logs", f"job/{run.name}", "-c", name, "-n", ns.name)
        assert log == "65532 False False\n", name


def test_a_pod_that_the_standard_does_not_allow_is_never_made_until_its_agent_is_fixed(
    ns: Namespace,
) -> None:
    sidecar = {"name": "helper", "image": "x", "securityContext": {"privileged": True}}
    spec: Object = {"containers": [sidecar]}
    ns.create(agent("bold", graph="steps:graph", podTemplate={"spec": spec}))
    run = ns.run("bold", thread="t", input={"steps": 1})
    said = run.wait_waiting("PodTemplateRefused")
    assert "spec.podTemplate.spec.containers[helper].securityContext.privileged is true" in said
    assert "restricted" in said
    assert "AGENTRUN_POD_SECURITY" in said
    assert get("job", ns.name, run.name) is None
    ns.replace(agent("bold", graph="steps:graph"))
    run.wait("Succeeded")


def test_labels_and_annotations_of_a_run_are_on_its_job_and_its_pod(ns: Namespace) -> None:
    manifest = agent_run("labelled", "steps", thread="t", input={"steps": 1})
    manifest["metadata"] |= {
        "labels": {"team": "research", "kueue.x-k8s.io/priority-class": "low"},
        "annotations": {"example.com/cost-center": "7"},
    }
    ns.create(manifest)
    run = ns.existing_run("labelled")
    run.wait("Succeeded")
    job = run.job()
    assert job is not None
    for obj in (job, run.pod()):
        metadata = obj["metadata"]
        assert metadata["labels"]["team"] == "research"
        assert metadata["annotations"]["example.com/cost-center"] == "7"
    assert job["metadata"]["labels"]["kueue.x-k8s.io/priority-class"] == "low"
    assert "kueue.x-k8s.io/priority-class" not in run.pod()["metadata"]["labels"]
