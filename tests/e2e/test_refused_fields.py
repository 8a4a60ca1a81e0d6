"""Invalid names, and fields that are not the user's: the API server names the field."""

from typing import Any

import pytest

from .kubectl import Object
from .namespace import Namespace, agent, agent_run
from .users import attempt, refused_attempt

NO_NAMES = (
    "../../other/agents/theirs",
    "?watch=true",
    "a/b",
    "a%2fb",
    "..",
    "A",
    "a b",
    "a\n",
    "\u00e4",
    "-a",
    "a" * 254,
)
OWN = ("managed-by", "component")


def test_a_reference_is_a_name(shared_ns: Namespace) -> None:
    """Otherwise it could change the path or the query of the operator's request."""
    for name in NO_NAMES:
        said = refused_attempt(shared_ns.name, agent_run("r", name))
        assert "spec.agentRef.name" in said
        wrong = agent("a", graph="a:b", store={"claimName": name})
        assert "spec.store.claimName" in refused_attempt(shared_ns.name, wrong)
        wrong = agent("a", graph="a:b")
        wrong["spec"]["code"]["configMap"]["name"] = name
        assert "spec.code.configMap.name" in refused_attempt(shared_ns.name, wrong)


def test_a_run_cannot_take_the_names_of_other_jobs(shared_ns: Namespace) -> None:
    """The names of the operator's clean-up Jobs, and of a CronJob's next Jobs."""
    said = refused_attempt(shared_ns.name, agent_run("agentrun-cleanup-0123456789abcdef", "a"))
    assert "metadata.name: names that begin with agentrun-cleanup-" in said
    for name in ("backup-29876543", "backup-30000000", "a.b-99999999"):
        said = refused_attempt(shared_ns.name, agent_run(name, "a"))
        assert "metadata.name: names that end like a CronJob's Jobs" in said
        assert "choose another name" in said
    generated = agent_run("", "a")
    generated["metadata"] = {"generateName": "agentrun-cleanup-"}
    assert "metadata.name: names that begin" in refused_attempt(shared_ns.name, generated)
    for name in ("nightly-20261130", "run-9876543", "run-298765432", "x29876543", "agentrun-clean"):
        attempt(shared_ns.name, agent_run(name, "a"))


@pytest.mark.parametrize(
    ("spec", "field", "words"),
    [
        ({"env": [{"name": "AGENTRUN_ROOT"}]}, "spec.env[0].name", "set by the operator"),
        ({"env": [{"name": "a=b"}]}, "spec.env[0].name", "should match"),
        ({"envFrom": [{"prefix": "AGENTRUN_"}]}, "spec.envFrom[0].prefix", "set by the operator"),
        ({"image": "a b"}, "spec.image", "should match"),
        ({"env": [{"name": f"v{i}"} for i in range(513)]}, "spec.env", "at most 512"),
    ],
)
def test_an_agent_sets_nothing_that_is_the_operators(
    shared_ns: Namespace, spec: dict[str, Any], field: str, words: str
) -> None:
    said = refused_attempt(shared_ns.name, agent("a", graph="a:b", **spec))
    assert field in said
    assert words in said


def test_a_pod_template_takes_labels_and_annotations_and_a_spec(shared_ns: Namespace) -> None:
    def said(template: Object) -> str:
        return refused_attempt(shared_ns.name, agent("a", graph="a:b", podTemplate=template))

    for field, value in {
        "finalizers": ["example.com/stays"],
        "ownerReferences": [{"kind": "ConfigMap", "name": "x"}],
        "name": "x",
        "generateName": "x",
        "namespace": "kube-system",
    }.items():
        words = said({"metadata": {field: value}})
        assert f"spec.podTemplate.metadata.{field}" in words
        assert f"takes labels and annotations only; take {field} out" in words
    assert 'unknown field "spec.podTemplate.metadata.uid"' in said({"metadata": {"uid": "x"}})
    assert 'unknown field "spec.podTemplate.kind"' in said({"kind": "x"})
    for mark in ("labels", "annotations"):
        words = said({"metadata": {mark: {"agentrun.dev/finished": "true"}}})
        assert f"spec.podTemplate.metadata.{mark}" in words
        assert "set by the operator; take them out" in words
    for part in OWN:
        words = said({"metadata": {"labels": {f"app.kubernetes.io/{part}": "x"}}})
        assert "spec.podTemplate.metadata.labels" in words
    for containers in ("containers", "initContainers"):
        own = {"name": "c", "env": [{"name": "AGENTRUN_TERMINATION_LOG", "value": "x"}]}
        words = said({"spec": {containers: [own]}})
        assert f"spec.podTemplate.spec.{containers}[0].env[0].name" in words
        assert "set by the operator" in words
    attempt(
        shared_ns.name,
        agent(
            "a",
            graph="a:b",
            podTemplate={
                "metadata": {"labels": {"team": "x"}, "annotations": {"a/b": "c"}},
                "spec": {
                    "anything": {"goes": [1]},
                    "containers": [{"name": "agent", "env": [{"name": "A", "valueFrom": {}}]}],
                },
            },
        ),
    )


def test_modules_that_a_checkpoint_may_import_are_names(shared_ns: Namespace) -> None:
    def with_modules(*modules: str) -> Object:
        runtime = {"langgraph": {"graph": "a:b", "allowedModules": list(modules)}}
        return agent("a", runtime=runtime)

    attempt(shared_ns.name, with_modules("mine", "mine.models:Plan", "mine.models:Plan.Step"))
    for module in ("", "*", "a b", ".a", "a.", "a:", "a:b:c", "os;system", "../a"):
        said = refused_attempt(shared_ns.name, with_modules(module))
        assert "spec.runtime.langgraph.allowedModules[0]" in said
