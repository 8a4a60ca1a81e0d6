"""The operator's check of pods, beside the API server's own Pod Security admission."""

import json
import re
import subprocess
import uuid
from collections.abc import Iterator

import pytest

from agentrun_operator.pod_security import Level, violations
from pod_security_cases import CASES, Object

from .kubectl import PATIENCE, create, kubectl

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
    """Names of the pods that the API server would take, and of those that a level refuses."""
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
