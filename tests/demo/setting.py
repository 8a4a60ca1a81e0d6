"""Where the story takes place: a namespace of its own, empty at the beginning."""

import os
import shutil

from cluster.paths import BIN, KUBECONFIG, LOCAL
from cluster.shell import run
from demo.terminal import do

NAMESPACE = "agentrun-demo"
OPERATOR = ("--namespace", "agentrun-system", "get", "deployment", "agentrun-operator")

WHAT_IS_THERE = (
    "kubectl get agentruns,jobs,pods,persistentvolumeclaims --output=wide",
    "kubectl get agentruns --output=yaml",
    "kubectl events",
    "kubectl --namespace agentrun-system logs deployment/agentrun-operator --tail=50",
)


def prepare() -> None:
    """Point kubectl to the namespace, and see to it that nothing of an earlier demo is in it."""
    config = LOCAL / "demo-kubeconfig"
    shutil.copy(KUBECONFIG, config)
    os.environ["KUBECONFIG"] = str(config)
    run("kubectl", "config", "set-context", "--current", f"--namespace={NAMESPACE}")
    if run("kubectl", "get", "namespace", NAMESPACE, "--ignore-not-found"):
        do(f"kubectl delete namespace {NAMESPACE} --timeout=120s")


def path_of_kubectl() -> str:
    """What makes the shell find the kubectl of the local cluster, behind `export KUBECONFIG=...`"""
    return f" PATH={BIN}:$PATH" if (BIN / "kubectl").exists() else ""


def runner_image() -> str:
    """The image that the operator gives to the pods of runs."""
    variable = '{.spec.template.spec.containers[0].env[?(@.name=="AGENTRUN_RUNNER_IMAGE")].value}'
    return run("kubectl", *OPERATOR, f"--output=jsonpath={variable}")
