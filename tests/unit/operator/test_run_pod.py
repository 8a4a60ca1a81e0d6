"""The pods of a run: what they see and may do, and what an Agent may add."""

import re
from pathlib import Path
from typing import Any

import pytest

from agentrun_kube.v1alpha1.agent import Agent
from agentrun_operator.pod_security import Level, violations
from agentrun_operator.resources.pod import container_security

from .manifests import Object, agent, container, environment, job_of, pod_of
from .states import UID, run

RUNNER_IMAGE = Path(__file__).parents[3] / "runner-image"
FOREIGN: Object = {
    "runtime": {"command": {"command": ["/bin/x"], "args": ["y"]}},
    "image": "other:1",
}
COMMAND: Object = {"runtime": {"command": {"command": ["x"]}}}


def with_template(**spec: Any) -> Agent:
    return agent(podTemplate={"spec": spec})


@pytest.mark.parametrize(
    ("thread", "segment", "directory"),
    [
        ("t", f"1767000000000-{UID}", "threads/t"),
        (None, None, f"stateless/{UID}"),
    ],
)
def test_a_pod_reads_its_own_thread_and_writes_only_its_own_segment(
    thread: str | None, segment: str | None, directory: str
) -> None:
    job = job_of(run(thread=thread, segment=segment), agent(**FOREIGN))
    own = segment or f"000001-{UID}"
    path = f"{directory}/segments/{own}"
    for name in ("agent", "workspace"):
        mounts = [m for m in container(job, name)["volumeMounts"] if m["name"] == "store"]
        root = "/agentrun/store"
        assert mounts == [
            {
                "name": "store",
                "mountPath": f"{root}/{directory}",
                "subPath": directory,
                "readOnly": True,
            },
            {"name": "store", "mountPath": f"{root}/{path}", "subPath": path},
        ]
        assert environment(job, name)["AGENTRUN_SEGMENT"] == own
        assert environment(job, name)["AGENTRUN_WORKSPACE"] == f"{root}/{path}/workspace"
    assert container(job)["workingDir"] == f"/agentrun/store/{path}/workspace"


def test_every_variable_that_the_runner_reads_is_set_so_that_no_env_from_can_set_it() -> None:
    sources = [*(RUNNER_IMAGE / "agentrun_runner").rglob("*.py")]
    sources.append(RUNNER_IMAGE / "agentrun_store" / "names.py")
    read = {name for path in sources for name in re.findall(r"AGENTRUN_[A-Z_]+", path.read_text())}
    # Those the supervisor sets for its child.
    of_the_child = {"AGENTRUN_RESULT_FD", "AGENTRUN_STOP_FD"}
    assert read - of_the_child <= environment(job_of(run(), agent(**COMMAND))).keys()


def test_a_command_in_a_foreign_image_runs_as_it_is_after_its_workspace_is_made() -> None:
    job = job_of(run(), agent(**FOREIGN))
    assert container(job)["command"] == ["/bin/x"]
    (init,) = pod_of(job)["initContainers"]
    assert (init["image"], init["args"]) == ("runner:1", ["prepare-workspace"])
    assert "agentrun.dev/runner" not in job["spec"]["template"]["metadata"]["annotations"]


@pytest.mark.parametrize("spec", [{}, COMMAND, {"image": "built-from-the-runner:1"}])
def test_a_supervised_pod_has_the_runner_annotation(spec: Object) -> None:
    job = job_of(run(), agent(**spec))
    assert "command" not in container(job)
    assert "initContainers" not in pod_of(job)
    annotations = job["spec"]["template"]["metadata"]["annotations"]
    assert annotations["agentrun.dev/runner"] == "true"


def test_a_pod_template_cannot_set_the_runner_annotation() -> None:
    template = {"metadata": {"annotations": {"agentrun.dev/runner": "true"}}}
    job = job_of(run(), agent(**FOREIGN, podTemplate=template))
    assert "agentrun.dev/runner" not in job["spec"]["template"]["metadata"]["annotations"]


def test_the_operators_own_containers_fit_into_quotas_and_limit_ranges() -> None:
    resources = container(job_of(run(), agent(**FOREIGN)), "workspace")["resources"]
    limits, requests = resources["limits"], resources["requests"]
    assert limits.keys() == requests.keys() == {"cpu", "memory", "ephemeral-storage"}
    assert (requests["cpu"], limits["cpu"]) == ("100m", "400m"), "no more than four times as much"
    assert limits | {"cpu": "100m"} == requests


def test_of_the_pod_templates_metadata_only_labels_and_annotations_count_and_none_of_ours() -> None:
    template = {
        "metadata": {
            "name": "n",
            "namespace": "other",
            "finalizers": ["example.com/stay"],
            "ownerReferences": [{"kind": "Node", "name": "n", "uid": "u", "apiVersion": "v1"}],
            "labels": {
                "team": "x",
                "agentrun.dev/run-uid": "other",
                "agentrun.dev/finished": "true",
                "agentrun.dev/thread": "other",
                "app.kubernetes.io/component": "cleanup",
            },
            "annotations": {"example.com/a": "b", "agentrun.dev/run-file": "{}"},
        }
    }
    this = run(thread=None, meta_more={"labels": {"team": "of-the-run", "who": "jane"}})
    metadata = job_of(this, agent(podTemplate=template))["spec"]["template"]["metadata"]
    assert metadata.keys() == {"labels", "annotations"}
    assert metadata["labels"] == {
        "team": "x",
        "who": "jane",
        "app.kubernetes.io/managed-by": "agentrun-operator",
        "app.kubernetes.io/component": "agent",
        "agentrun.dev/run": "r",
        "agentrun.dev/run-uid": UID,
    }
    assert metadata["annotations"]["example.com/a"] == "b"
    assert metadata["annotations"]["agentrun.dev/run-file"] != "{}"


def test_the_pod_template_adds_fields_but_overrides_none_of_the_operators() -> None:
    its_agent = with_template(
        nodeSelector={"disk": "ssd"},
        automountServiceAccountToken=True,
        restartPolicy="Always",
        terminationGracePeriodSeconds=9999,
        securityContext={"runAsNonRoot": False, "runAsUser": 0, "supplementalGroups": [7]},
        volumes=[{"name": "extra", "emptyDir": {}}, {"name": "run", "emptyDir": {}}],
        containers=[
            {
                "name": "agent",
                "image": "other",
                "command": ["sh"],
                "args": ["-c", "true"],
                "restartPolicy": "Always",
                "restartPolicyRules": [],
                "terminationMessagePath": "/tmp/x",
                "terminationMessagePolicy": "FallbackToLogsOnError",
                "lifecycle": {"stopSignal": "SIGUSR1", "preStop": {"sleep": {"seconds": 1}}},
                "securityContext": {"privileged": True, "runAsUser": 0, "procMount": "Unmasked"},
                "volumeMounts": [{"name": "extra", "mountPath": "/extra"}],
            },
            {"name": "sidecar", "image": "s"},
        ],
    )
    pod = pod_of(job_of(run(), its_agent))
    assert pod["nodeSelector"] == {"disk": "ssd"}
    assert pod["automountServiceAccountToken"] is False
    assert pod["restartPolicy"] == "Never"
    assert pod["terminationGracePeriodSeconds"] == 30
    assert pod["securityContext"]["runAsUser"] == 65532
    assert pod["securityContext"]["supplementalGroups"] == [7]
    assert [v["name"] for v in pod["volumes"]] == ["store", "run", "tmp", "extra"]
    assert "emptyDir" not in pod["volumes"][1]
    agent_container, sidecar = pod["containers"]
    assert agent_container["image"] == "runner:1"
    assert agent_container["securityContext"] == container_security()
    left_out = {"command", "args", "restartPolicy", "restartPolicyRules"}
    assert agent_container.keys().isdisjoint(left_out)
    assert agent_container["terminationMessagePath"] == "/dev/termination-log"
    assert agent_container["terminationMessagePolicy"] == "File"
    assert agent_container["lifecycle"] == {"preStop": {"sleep": {"seconds": 1}}}
    assert agent_container["volumeMounts"][-1]["mountPath"] == "/extra"
    assert sidecar["name"] == "sidecar"


def test_env_from_of_the_pod_template_is_used() -> None:
    env_from = [{"secretRef": {"name": "s"}}]
    its_agent = with_template(containers=[{"name": "agent", "envFrom": env_from}])
    assert container(job_of(run(), its_agent))["envFrom"] == env_from


def test_the_containers_of_an_agent_are_restricted_unless_it_says_otherwise() -> None:
    says: Object = {
        "runAsUser": 1000,
        "readOnlyRootFilesystem": False,
        "capabilities": {"add": ["NET_BIND_SERVICE"]},
        "seccompProfile": None,
    }
    its_agent = with_template(
        initContainers=[{"name": "fetch"}, {"name": "proxy", "restartPolicy": "Always"}],
        containers=[
            {"name": "plain", "securityContext": None},
            {"name": "own", "securityContext": says},
        ],
    )
    job = job_of(run(), its_agent)
    assert violations(job["spec"]["template"], Level.RESTRICTED) == []
    for name in ("fetch", "proxy", "plain", "own"):
        security = container(job, name)["securityContext"]
        assert security["readOnlyRootFilesystem"] is True
        assert security["capabilities"]["drop"] == ["ALL"]
    own = container(job, "own")["securityContext"]
    assert own["capabilities"]["add"] == ["NET_BIND_SERVICE"]
    assert own["runAsUser"] == 1000


def test_a_privileged_container_does_not_forbid_privilege_escalation() -> None:
    """The API server refuses a privileged container that may not escalate."""
    job = job_of(
        run(), with_template(containers=[{"name": "s", "securityContext": {"privileged": True}}])
    )
    assert "allowPrivilegeEscalation" not in container(job, "s")["securityContext"]


def test_every_container_has_a_tmp_of_its_own_and_of_bounded_size() -> None:
    mine = [{"name": "scratch", "mountPath": "/tmp/"}]
    its_agent = with_template(
        containers=[{"name": "plain"}, {"name": "own", "volumeMounts": mine}],
        volumes=[{"name": "scratch", "emptyDir": {}}],
    )
    job = job_of(run(), its_agent)
    for name in ("agent", "plain"):
        mounts = container(job, name)["volumeMounts"]
        assert {"name": "tmp", "mountPath": "/tmp", "subPath": name} in mounts
    assert container(job, "own")["volumeMounts"] == mine
    (tmp,) = [volume for volume in pod_of(job)["volumes"] if volume["name"] == "tmp"]
    assert tmp["emptyDir"] == {"sizeLimit": "4Gi"}


def test_an_agent_may_set_only_the_size_of_its_tmp() -> None:
    volume = {"name": "tmp", "emptyDir": {"sizeLimit": "50Gi"}, "hostPath": {"path": "/"}}
    job = job_of(run(), with_template(volumes=[volume]))
    (tmp,) = [volume for volume in pod_of(job)["volumes"] if volume["name"] == "tmp"]
    assert tmp == {"name": "tmp", "emptyDir": {"sizeLimit": "50Gi"}}


@pytest.mark.parametrize("odd", [None, 1, "x", [None], [[]], {"a": 1}, [{"name": {}}]])
def test_a_pod_template_of_any_shape_leaves_the_agents_container_as_it_is(odd: Any) -> None:
    template: dict[str, Any] = {"metadata": odd, "spec": {"containers": odd, "volumes": odd}}
    for spec in (
        template,
        {"spec": odd},
        {"spec": {"initContainers": odd}},
        {"metadata": {"labels": odd}},
    ):
        job = job_of(run(), agent(podTemplate=spec))
        assert container(job)["securityContext"] == container_security()
