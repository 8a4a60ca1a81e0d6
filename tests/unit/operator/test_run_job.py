"""The run's Job: what the runner is told, what security asks for, what people may add."""

import json
from typing import Any

from agentrun_operator.constants import ANNOTATION_RUN_FILE
from agentrun_operator.models import Agent
from agentrun_operator.resources.merge import merge_under
from agentrun_operator.resources.pod import container_security
from agentrun_operator.resources.run_job import BACKSTOP_SECONDS, run_job

from .states import UID, run


def agent(**spec: Any) -> Agent:
    spec.setdefault("runtime", {"langgraph": {"graph": "m:g"}})
    meta = {
        "name": "a",
        "namespace": "ns",
        "uid": "u",
        "creationTimestamp": "2026-01-02T03:04:05Z",
    }
    return Agent.model_validate({"metadata": meta, "spec": spec})


def pod_of(job: dict[str, Any]) -> dict[str, Any]:
    spec: dict[str, Any] = job["spec"]["template"]["spec"]
    return spec


def container(job: dict[str, Any]) -> dict[str, Any]:
    (only,) = pod_of(job)["containers"]
    found: dict[str, Any] = only
    return found


def environment(job: dict[str, Any]) -> dict[str, str]:
    return {entry["name"]: entry.get("value", "") for entry in container(job)["env"]}


def test_the_job_is_named_after_the_run_and_owned_by_it() -> None:
    """Failure mode 20b."""
    job = run_job(run("r"), agent(), "runner:1")
    assert job["metadata"]["name"] == "r"
    (owner,) = job["metadata"]["ownerReferences"]
    assert (owner["uid"], owner["controller"]) == (UID, True)


def test_a_pod_sees_only_the_directory_of_its_own_thread() -> None:
    mount = container(run_job(run(thread="t"), agent(), "runner:1"))["volumeMounts"][0]
    assert mount == {
        "name": "store",
        "mountPath": "/agentrun/store/threads/t",
        "subPath": "threads/t",
    }
    stateless = container(run_job(run(thread=None), agent(), "runner:1"))["volumeMounts"][0]
    assert stateless["subPath"] == f"stateless/{UID}"


def test_no_input_and_null_input_are_two_things() -> None:
    this = run()
    none = this.model_copy(update={"spec": this.spec.model_copy(update={"input": None})})
    annotations = run_job(none, agent(), "r:1")["spec"]["template"]["metadata"]["annotations"]
    assert json.loads(annotations[ANNOTATION_RUN_FILE])["input"] is None
    bare = type(this).model_validate(
        {
            "metadata": this.metadata.model_dump(by_alias=True),
            "spec": {"agentRef": {"name": "a"}},
        }
    )
    annotations = run_job(bare, agent(), "r:1")["spec"]["template"]["metadata"]["annotations"]
    assert "input" not in json.loads(annotations[ANNOTATION_RUN_FILE])


def test_the_grace_period_is_the_runs_then_the_agents_then_30_seconds() -> None:
    for expected, of_run, of_agent in ((3, 3, 7), (7, None, 7), (30, None, None)):
        this = run()
        spec = this.spec.model_copy(update={"grace_period_seconds": of_run})
        job = run_job(
            this.model_copy(update={"spec": spec}),
            agent(gracePeriodSeconds=of_agent),
            "runner:1",
        )
        assert pod_of(job)["terminationGracePeriodSeconds"] == expected
        assert environment(job)["AGENTRUN_GRACE_PERIOD_SECONDS"] == str(expected)


def test_a_job_ends_a_pod_that_still_has_time() -> None:
    spec = {"timeoutSeconds": 60, "gracePeriodSeconds": 9, "retries": 2}
    job = run_job(run(spec_more=spec), agent(), "runner:1")
    assert pod_of(job)["activeDeadlineSeconds"] == 60
    assert job["spec"]["activeDeadlineSeconds"] >= 3 * (60 + 9) + BACKSTOP_SECONDS


def test_a_run_without_a_time_out_has_one() -> None:
    job = run_job(run(), agent(), "runner:1")
    assert "activeDeadlineSeconds" not in job["spec"]
    assert "activeDeadlineSeconds" not in pod_of(job)


def test_an_agent_cannot_pretend_to_be_another_run() -> None:
    job = run_job(run(), agent(env=[{"name": "AGENTRUN_UID", "value": "other"}]), "runner:1")
    assert environment(job)["AGENTRUN_UID"] == UID
    assert [e["name"] for e in container(job)["env"]].count("AGENTRUN_UID") == 1


def test_the_pod_template_adds_but_cannot_weaken() -> None:
    template = {
        "metadata": {
            "labels": {
                "team": "x",
                "agentrun.dev/run-uid": "other",
                "agentrun.dev/finished": "true",
            }
        },
        "spec": {
            "nodeSelector": {"disk": "ssd"},
            "automountServiceAccountToken": True,
            "terminationGracePeriodSeconds": 9999,
            "volumes": [{"name": "extra", "emptyDir": {}}],
            "containers": [
                {
                    "name": "agent",
                    "command": ["sh"],
                    "args": ["-c", "true"],
                    "securityContext": {
                        "allowPrivilegeEscalation": True,
                        "privileged": True,
                        "capabilities": {"add": ["SYS_ADMIN"]},
                    },
                    "volumeMounts": [{"name": "extra", "mountPath": "/extra"}],
                },
                {"name": "sidecar", "image": "s"},
            ],
        },
    }
    job = run_job(run(), agent(podTemplate=template), "runner:1")
    pod = pod_of(job)
    labels = job["spec"]["template"]["metadata"]["labels"]
    assert (labels["team"], labels["agentrun.dev/run-uid"]) == ("x", UID)
    assert "agentrun.dev/finished" not in labels, "the operator would not see the pod"
    assert pod["nodeSelector"] == {"disk": "ssd"}
    assert pod["automountServiceAccountToken"] is False
    assert pod["terminationGracePeriodSeconds"] == 30
    assert [v["name"] for v in pod["volumes"]] == ["store", "run", "tmp", "extra"]
    agent_container, sidecar = pod["containers"]
    assert agent_container["securityContext"] == container_security()
    assert agent_container.keys().isdisjoint({"command", "args"})
    assert agent_container["volumeMounts"][-1]["mountPath"] == "/extra"
    assert sidecar["name"] == "sidecar"


def test_a_command_in_a_foreign_image_runs_as_it_is_after_its_workspace_is_made() -> None:
    spec = {"runtime": {"command": {"command": ["/bin/x"], "args": ["y"]}}, "image": "other:1"}
    job = run_job(run(), agent(**spec), "runner:1")
    assert container(job)["command"] == ["/bin/x"]
    (init,) = pod_of(job)["initContainers"]
    assert (init["image"], init["args"]) == ("runner:1", ["prepare-workspace"])


def test_a_command_without_image_runs_under_the_supervisor() -> None:
    job = run_job(run(), agent(runtime={"command": {"command": ["x"]}}), "runner:1")
    assert "command" not in container(job)
    assert "initContainers" not in pod_of(job)


def test_merging_leaves_both_sides_unchanged() -> None:
    top: dict[str, Any] = {"containers": [{"name": "a", "x": 1}], "list": [1]}
    under: dict[str, Any] = {"containers": [{"name": "a", "y": 2}, {"name": "b"}], "list": [2]}
    merged = merge_under(top, under)
    assert merged == {"containers": [{"name": "a", "x": 1, "y": 2}, {"name": "b"}], "list": [1]}
    assert top == {"containers": [{"name": "a", "x": 1}], "list": [1]}
    assert under["containers"] == [{"name": "a", "y": 2}, {"name": "b"}]


def test_env_from_of_the_pod_template_is_dropped() -> None:
    env_from = [{"secretRef": {"name": "s"}}]
    template = {"spec": {"containers": [{"name": "agent", "envFrom": env_from}]}}
    job = run_job(run(), agent(podTemplate=template), "runner:1")
    assert container(job)["envFrom"] == env_from


def test_what_is_no_container_stops_the_decision() -> None:
    """The API server refuses it, and names the place."""
    odd: list[Any] = [None, "x", {"name": {}}, {"name": ["agent"]}]
    job = run_job(run(), agent(podTemplate={"spec": {"containers": odd}}), "runner:1")
    assert pod_of(job)["containers"][1:] == odd
