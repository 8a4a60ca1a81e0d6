"""What in an Agent keeps its runs from getting a Job, and what does not."""

from typing import Any

import pytest

from agentrun_kube.v1alpha1.agent import Agent
from agentrun_kube.vocabulary import Condition, Phase, Reason
from agentrun_operator.installation import Installation
from agentrun_operator.pod_security import Level
from agentrun_operator.runs.plan import CreateJob
from agentrun_operator.runs.policy.decide import decide
from agentrun_operator.runs.policy.pod_refusals import refusal

from .manifests import Object, agent
from .states import run, view


def refused(its_agent: Agent, level: Level = Level.RESTRICTED) -> str:
    return refusal(run(), its_agent, Installation("runner:1", level)) or ""


def with_template(**spec: Any) -> Agent:
    return agent(podTemplate={"spec": spec})


def with_container(**fields: Any) -> Agent:
    return with_template(containers=[{"name": "agent", **fields}])


def mounted(path: str) -> Agent:
    volumes = [{"name": "v", "emptyDir": {}}]
    mounts = [{"name": "v", "mountPath": path}]
    return with_template(volumes=volumes, containers=[{"name": "agent", "volumeMounts": mounts}])


STORE_MOUNT = {"name": "store", "mountPath": "/s", "readOnly": True}
SAME_CLAIM = {"name": "mine", "persistentVolumeClaim": {"claimName": "agentrun-store"}}
ROOT = {"runAsUser": 0, "runAsNonRoot": False}


@pytest.mark.parametrize(
    ("its_agent", "field", "value"),
    [
        (agent(env=[{"name": "AGENTRUN_UID", "value": "x"}]), "spec.env[0].name", "AGENTRUN_UID"),
        (agent(envFrom=[{"prefix": "AGENTRUN_"}]), "spec.envFrom[0].prefix", "AGENTRUN_"),
        (agent(envFrom=[{"prefix": "AGENTRUN"}]), "spec.envFrom[0].prefix", "AGENTRUN"),
        (with_container(env=[{"name": "AGENTRUN_ROOT"}]), "[agent].env[0]", "AGENTRUN_ROOT"),
        (with_container(envFrom=[{"prefix": "AGENTRUN_"}]), "[agent].envFrom[0]", "AGENTRUN_"),
        (with_container(volumeMounts=[STORE_MOUNT]), "[agent].volumeMounts[0].name", "'store'"),
        (
            with_template(initContainers=[{"name": "s", "volumeMounts": [STORE_MOUNT]}]),
            "spec.podTemplate.spec.initContainers[s].volumeMounts[0].name",
            "'store'",
        ),
        (with_template(volumes=[SAME_CLAIM]), "volumes[mine]", "'agentrun-store'"),
        (with_template(volumes=[{"name": "store", "emptyDir": {}}]), "volumes[store]", "'store'"),
        (with_template(initContainers=[{"name": "workspace"}]), "initContainers[workspace]", ""),
        (with_template(containers=[{"name": "workspace"}]), "containers[workspace]", ""),
        (with_template(hostPID=True), "spec.podTemplate.spec.hostPID", "true"),
        (
            with_template(containers=[{"name": "s", "securityContext": {"privileged": True}}]),
            "spec.podTemplate.spec.containers[s].securityContext.privileged",
            "true",
        ),
        (
            with_template(volumes=[{"name": "v", "hostPath": {"path": "/"}}]),
            "spec.podTemplate.spec.volumes[v].hostPath",
            "",
        ),
        (
            with_template(hostUsers=False, initContainers=[{"name": "s", "securityContext": ROOT}]),
            "spec.podTemplate.spec.initContainers[s].securityContext.runAsUser",
            "0",
        ),
    ],
)
def test_a_refusal_names_the_field_its_value_and_the_agent(
    its_agent: Agent, field: str, value: str
) -> None:
    message = refused(its_agent)
    assert field in message
    assert value in message
    assert "Fix Agent a" in message


@pytest.mark.parametrize(
    "path",
    [
        "/",
        "/agentrun",
        "/agentrun/",
        "//agentrun",
        "/x/../agentrun",
        "agentrun",
        "/agentrun/store",
        "/agentrun/store/threads/t/segments",
        "/agentrun/code/more",
        "/tmp",
        "/tmp/.",
        "/dev",
        "/dev/termination-log",
    ],
)
def test_no_volume_hides_what_the_operator_mounts(path: str) -> None:
    assert ".volumeMounts[0].mountPath" in refused(mounted(path))


@pytest.mark.parametrize(
    "path", ["/agentrunner", "/data", "/tmp/cache", "/dev/shm", "/opt/agentrun"]
)
def test_volumes_may_be_mounted_elsewhere(path: str) -> None:
    assert not refused(mounted(path))


def test_a_sidecar_may_mount_any_other_volume_at_any_path() -> None:
    mounts = [{"name": "v", "mountPath": "/agentrun"}, {"name": "run", "mountPath": "/tmp"}]
    sidecar = {"name": "s", "volumeMounts": mounts, "env": [{"name": "AGENTRUN_X"}]}
    volumes = [{"name": "v", "persistentVolumeClaim": {"claimName": "other"}}]
    assert not refused(with_template(containers=[sidecar], volumes=volumes))


def test_an_agent_may_mount_a_claim_that_is_not_its_own_store() -> None:
    spec = {"store": {"claimName": "mine"}}
    assert not refused(agent(**spec, podTemplate={"spec": {"volumes": [SAME_CLAIM]}}))


def test_the_level_of_the_installation_decides_what_is_refused() -> None:
    root = with_template(containers=[{"name": "s", "securityContext": ROOT}])
    assert "Pod Security level restricted" in refused(root)
    assert "AGENTRUN_POD_SECURITY" in refused(root)
    assert not refused(root, Level.BASELINE)
    on_host = with_template(hostNetwork=True)
    assert "Pod Security level baseline" in refused(on_host, Level.BASELINE)
    assert not refused(on_host, Level.PRIVILEGED)


@pytest.mark.parametrize(
    "spec",
    [
        {},
        {"image": "x:1", "runtime": {"command": {"command": ["x"]}}},
        {"podTemplate": {"spec": {"serviceAccountName": "s", "nodeName": "n"}}},
        {
            "podTemplate": {
                "spec": {"initContainers": [{"name": "proxy", "restartPolicy": "Always"}]}
            }
        },
    ],
)
def test_a_plain_agent_is_not_refused(spec: Object) -> None:
    assert not refused(agent(**spec))


@pytest.mark.parametrize("odd", [1, "x" * 10_000, True, [None], ["x"], [[]], {"a": 1}])
@pytest.mark.parametrize("level", Level)
def test_a_malformed_pod_template_is_refused_with_its_field(odd: Any, level: Level) -> None:
    wrong: list[tuple[str, Object]] = [
        (".volumes", {"spec": {"volumes": odd}}),
        (".containers", {"spec": {"containers": odd}}),
        (".initContainers", {"spec": {"initContainers": odd}}),
        ("[s].volumeMounts", {"spec": {"containers": [{"name": "s", "volumeMounts": odd}]}}),
        ("[s].env", {"spec": {"containers": [{"name": "s", "env": odd}]}}),
    ]
    if not isinstance(odd, dict):
        wrong += [
            (".metadata", {"metadata": odd}),
            (".metadata.labels", {"metadata": {"labels": odd}}),
            (".spec", {"spec": odd}),
            (
                "[s].securityContext",
                {"spec": {"containers": [{"name": "s", "securityContext": odd}]}},
            ),
        ]
    for field, template in wrong:
        message = refused(agent(podTemplate=template), level)
        assert f"spec.podTemplate{field}" in message.replace(".spec.containers[s]", "[s]").replace(
            ".spec.", "."
        ), field
        assert len(message) < 1024


def test_the_message_of_many_refusals_is_bounded() -> None:
    many = [{"name": f"AGENTRUN_{i}" + "X" * 1000} for i in range(1000)]
    message = refused(agent(env=many))
    assert "AGENTRUN_0" in message
    assert len(message) < 1024


def test_a_refused_run_waits_until_its_agent_is_fixed_and_then_starts() -> None:
    """Until then it neither holds its thread nor has a Job."""
    for this in (run(), run(has_finalizer=True)):
        plan = decide(view(this, agent=with_template(hostNetwork=True)))
        assert plan.actions == ()
        assert plan.status is not None
        assert plan.status.phase == Phase.PENDING
        (condition,) = [c for c in plan.status.conditions if c.type == Condition.STARTED]
        assert (condition.status, condition.reason) == ("False", Reason.POD_TEMPLATE_REFUSED)
    assert decide(view(run(has_finalizer=True), agent=agent())).actions == (CreateJob(),)


def test_an_event_reports_a_grace_period_above_the_maximum() -> None:
    installation = Installation("runner:1", max_grace_period_seconds=20)
    (event,) = decide(view(run(has_finalizer=True), installation=installation)).events
    assert event.reason == Reason.GRACE_PERIOD_CAPPED
    assert "gracePeriodSeconds is 30" in event.message
    assert "20" in event.message
    short = run(has_finalizer=True, spec_more={"gracePeriodSeconds": 20})
    assert decide(view(short, installation=installation)).events == ()


def test_an_agent_too_large_for_the_api_server_is_refused_with_its_fields() -> None:
    """The API server's own message on a Job that is too large is about its labels."""
    several = [{"name": f"V{number}", "value": "x" * 100_000} for number in range(11)]
    assert refused(agent(env=several[:8])) == ""
    said = refused(agent(env=several))
    assert "spec.env" in said
    assert "bytes" in said
