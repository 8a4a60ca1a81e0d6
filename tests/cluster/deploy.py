"""make deploy: images, CRDs and operator into the cluster."""

import json
from pathlib import Path

from cluster import current, images
from cluster.kind import kubectl
from cluster.paths import CHECKOUT, LOCAL
from cluster.shell import CommandError, say

NAMESPACE = "agentrun-system"
OPERATOR = "agentrun-operator"


def deploy() -> None:
    """Deploy the operator of this checkout to the cluster and wait until it is ready.

    Raises CommandError, with the description of the operator's pods.
    """
    if current.chosen():
        operator, runner = current.image("OPERATOR_IMAGE"), current.image("RUNNER_IMAGE")
    else:
        operator, runner = images.provide("agentrun-operator"), images.provide("agentrun-runner")
    say("applying CRDs and manifests")
    kubectl("apply", "--filename", str(CHECKOUT / "crds"))
    kubectl("apply", "--kustomize", str(_overlay(operator, runner)))
    in_namespace = ("--namespace", NAMESPACE)
    deployment = f"deployment/{OPERATOR}"
    try:
        kubectl(*in_namespace, "rollout", "status", deployment, "--timeout=60s")
    except CommandError as error:
        pods = kubectl(*in_namespace, "describe", "pods")
        log = kubectl(*in_namespace, "logs", deployment, "--tail=30")
        raise CommandError(f"{error}\n{pods}\n{log}") from None
    say(f"{operator} is ready")


def _overlay(operator: str, runner: str) -> Path:
    """A kustomization that sets the images' names in the manifests. (JSON is YAML.)"""
    environment = [{"name": "AGENTRUN_RUNNER_IMAGE", "value": runner}]
    containers = [{"name": "operator", "env": environment}]
    patch = {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"name": OPERATOR, "namespace": NAMESPACE},
        "spec": {"template": {"spec": {"containers": containers}}},
    }
    name, _, tag = operator.rpartition(":")
    overlay = {
        "apiVersion": "kustomize.config.k8s.io/v1beta1",
        "kind": "Kustomization",
        "resources": ["../../manifests"],
        "images": [{"name": OPERATOR, "newName": name, "newTag": tag}],
        "patches": [{"patch": json.dumps(patch)}],
    }
    directory = LOCAL / "overlay"
    directory.mkdir(parents=True, exist_ok=True)
    (directory / "kustomization.yaml").write_text(json.dumps(overlay, indent=2))
    return directory
