"""The models match the CRDs: otherwise the API server prunes what the operator writes."""

from pathlib import Path
from types import UnionType
from typing import Any, Union, get_args, get_origin

import pytest
import yaml

from agentrun_kube import vocabulary
from agentrun_kube.v1alpha1.agent import Agent
from agentrun_kube.v1alpha1.agent_run import AgentRun
from agentrun_kube.v1alpha1.base import Model

CRDS = Path(__file__).parents[3] / "crds"


def schema_of(plural: str) -> dict[str, Any]:
    crd = yaml.safe_load((CRDS / f"{plural}.yaml").read_text())
    schema: dict[str, Any] = crd["spec"]["versions"][0]["schema"]["openAPIV3Schema"]
    return schema


def fields_of_schema(schema: dict[str, Any], path: str = "") -> set[str]:
    """Dotted paths of all named fields, down to where anything is allowed."""
    found: set[str] = set()
    items = schema.get("items", {})
    for holder in (schema, items):
        if holder.get("x-kubernetes-preserve-unknown-fields"):
            continue
        for name, child in holder.get("properties", {}).items():
            found |= {f"{path}.{name}"} | fields_of_schema(child, f"{path}.{name}")
    return found


def models_in(annotation: Any) -> list[type[Model]]:
    if isinstance(annotation, type) and issubclass(annotation, Model):
        return [annotation]
    if get_origin(annotation) in (Union, UnionType, list, tuple):
        return [model for part in get_args(annotation) for model in models_in(part)]
    return []


def fields_of_model(model: type[Model], path: str = "") -> set[str]:
    found: set[str] = set()
    for field in model.model_fields.values():
        name = f"{path}.{field.alias}"
        found.add(name)
        for child in models_in(field.annotation):
            found |= fields_of_model(child, name)
    return found


def taken_as_they_are(model: type[Model], path: str = "") -> set[str]:
    """Dotted paths of the fields that the model takes as plain JSON, whatever is in them."""
    found: set[str] = set()
    for field in model.model_fields.values():
        name = f"{path}.{field.alias}"
        children = models_in(field.annotation)
        found |= set() if children else {name}
        for child in children:
            found |= taken_as_they_are(child, name)
    return found


@pytest.mark.parametrize(
    ("plural", "model", "parts"),
    [("agents", Agent, ("spec",)), ("agentruns", AgentRun, ("spec", "status"))],
)
def test_model_and_crd_have_the_same_fields(
    plural: str, model: type[Model], parts: tuple[str, ...]
) -> None:
    """Failure mode 48."""
    schema = schema_of(plural)["properties"]
    for part in parts:
        (child,) = models_in(model.model_fields[part].annotation)
        plain = tuple(f"{path}." for path in taken_as_they_are(child))
        named = {f for f in fields_of_schema(schema[part]) if not f.startswith(plain)}
        assert fields_of_model(child) == named


@pytest.mark.parametrize("plural", ["agents", "agentruns"])
def test_every_field_has_a_description(plural: str) -> None:
    def missing(schema: dict[str, Any], path: str) -> list[str]:
        found = [] if schema.get("description") else [path]
        for name, child in schema.get("properties", {}).items():
            found += missing(child, f"{path}.{name}")
        return found + [
            gap
            for name, child in schema.get("items", {}).get("properties", {}).items()
            for gap in missing(child, f"{path}[].{name}")
        ]

    assert [gap for gap in missing(schema_of(plural), plural) if gap != f"{plural}.metadata"] == []


def test_phases_and_cancel_actions_are_those_of_the_crd() -> None:
    schema = schema_of("agentruns")["properties"]
    phases = schema["status"]["properties"]["phase"]["enum"]
    assert set(phases) == set(vocabulary.Phase)
    assert set(schema["spec"]["properties"]["cancel"]["enum"]) == set(vocabulary.Cancel)


def test_the_crds_rules_list_all_final_phases() -> None:
    text = (CRDS / "agentruns.yaml").read_text()
    listed = "['Succeeded', 'Failed', 'TimedOut', 'Interrupted', 'RolledBack']"
    assert text.count(listed) == 3
    assert set(yaml.safe_load(listed)) == vocabulary.FINAL_PHASES


def test_every_spec_field_but_the_cancel_is_immutable() -> None:
    spec = schema_of("agentruns")["properties"]["spec"]
    rules = " ".join(rule["rule"] for rule in spec["x-kubernetes-validations"])
    for field in set(spec["properties"]) - {"cancel", "cancelReason", "cancelGracePeriodSeconds"}:
        assert f".{field} == " in rules, field
