"""The manifests agree with each other, and with what the operator writes."""

import re
from pathlib import Path
from typing import Any

import pytest
import yaml

from agentrun_kube import names, vocabulary
from agentrun_kube.client.paths import PREFIXES
from agentrun_operator.state.watched import WATCHED

ROOT = Path(__file__).parents[2]
MANIFESTS = ROOT / "manifests"
POLICY = "ValidatingAdmissionPolicy"
ACCOUNT = "system:serviceaccount:agentrun-system:agentrun-operator"


def objects(kind: str) -> list[dict[str, Any]]:
    """Those that are installed."""
    listed = yaml.safe_load((MANIFESTS / "kustomization.yaml").read_text())["resources"]
    found = [obj for name in listed for obj in yaml.safe_load_all((MANIFESTS / name).read_text())]
    return [obj for obj in found if obj["kind"] == kind]


POLICIES = {obj["metadata"]["name"]: obj["spec"] for obj in objects(POLICY)}


def test_every_file_with_a_policy_is_installed() -> None:
    listed = yaml.safe_load((MANIFESTS / "kustomization.yaml").read_text())["resources"]
    there = {f"policies/{path.name}" for path in (MANIFESTS / "policies").iterdir()}
    assert there == {name for name in listed if name.startswith("policies/")}


def test_every_policy_denies_and_is_bound_under_its_own_name() -> None:
    bound = {obj["metadata"]["name"]: obj["spec"] for obj in objects(f"{POLICY}Binding")}
    assert bound == {name: {"policyName": name, "validationActions": ["Deny"]} for name in POLICIES}


@pytest.mark.parametrize("name", POLICIES)
def test_a_policy_fails_closed_with_a_message_for_each_refusal(name: str) -> None:
    assert POLICIES[name]["failurePolicy"] == "Fail"
    for validation in POLICIES[name]["validations"]:
        assert validation["reason"] == "Forbidden"
        assert validation["message"]


def test_the_operator_may_get_each_policy() -> None:
    (role,) = (r for r in objects("ClusterRole") if r["metadata"]["name"] == "agentrun-operator")
    rules = [r for r in role["rules"] if "admissionregistration.k8s.io" in r["apiGroups"]]
    assert [sorted(rule["resourceNames"]) for rule in rules] == [sorted(POLICIES)]
    assert [rule["verbs"] for rule in rules] == [["get"]]


def test_the_operator_may_list_and_watch_exactly_the_kinds_of_its_table() -> None:
    (role,) = (r for r in objects("ClusterRole") if r["metadata"]["name"] == "agentrun-operator")
    may = {
        verb: {
            (group, plural)
            for rule in role["rules"]
            if verb in rule["verbs"]
            for group in rule["apiGroups"]
            for plural in rule["resources"]
        }
        for verb in ("list", "watch")
    }
    paths = {plural: PREFIXES[plural].split("/") for plural in WATCHED}  # /apis/<group>/<version>
    wanted = {(path[2] if path[1] == "apis" else "", plural) for plural, path in paths.items()}
    assert may == {"list": wanted, "watch": wanted}


def test_the_policies_name_the_operators_service_account() -> None:
    (account,) = objects("ServiceAccount")
    meta = account["metadata"]
    assert f"system:serviceaccount:{meta['namespace']}:{meta['name']}" == ACCOUNT
    for path in (MANIFESTS / "policies").iterdir():
        accounts = set(re.findall(r"system:serviceaccount:agentrun[\w:-]*", path.read_text()))
        assert accounts <= {ACCOUNT}, path.name


def test_the_policies_name_the_operators_labels_and_finalizer() -> None:
    for name in ("jobs", "pods", "operator"):
        text = (MANIFESTS / "policies" / f"{name}.yaml").read_text()
        assert f"'{names.LABEL_MANAGED_BY}'" in text
        assert f"'{names.LABEL_COMPONENT}'" in text
        assert f"'{names.MANAGED_BY}'" in text
    assert f"'{names.LABEL_FINISHED}'" in (MANIFESTS / "policies/operator.yaml").read_text()
    assert names.FINALIZER in (MANIFESTS / "policies/run-metadata.yaml").read_text()


def test_the_policies_list_all_final_phases() -> None:
    text = (MANIFESTS / "policies/live-runs.yaml").read_text()
    (listed,) = re.findall(r"\['Succeeded'[^]]*\]", text)
    assert set(yaml.safe_load(listed)) == vocabulary.FINAL_PHASES


def test_images_are_named_by_version_or_digest() -> None:
    (deployment,) = objects("Deployment")
    (container,) = deployment["spec"]["template"]["spec"]["containers"]
    runner = {env["name"]: env.get("value") for env in container["env"]}["AGENTRUN_RUNNER_IMAGE"]
    for image in (container["image"], runner):
        assert re.fullmatch(r"[a-z-]+:[0-9.]+", image)
    for context in ("operator", "runner-image"):
        text = (ROOT / context / "Dockerfile").read_text()
        assert re.search(r"^ARG PYTHON_IMAGE=\S+:\S+@sha256:[0-9a-f]{64}$", text, re.M)
