"""The rights and the view of a run's pod, and the right to cancel."""

import json

import pytest

from .deployment import USER
from .kubectl import kubectl
from .namespace import Namespace, agent, agent_run, put_into
from .run import refusal
from .users import bind, may, wait_allowed


def test_a_run_has_no_rights_and_no_token(ns: Namespace) -> None:
    """The namespace enforces the restricted Pod Security Standard, and admits the pod."""
    run = ns.held_run(hold=1)
    spec = run.pod()["spec"]
    assert spec["automountServiceAccountToken"] is False
    assert not [volume for volume in spec["volumes"] if "projected" in volume]
    facts = json.loads(
        run.exec(
            "python3",
            "-c",
            "import json, os; print(json.dumps({"
            "'uid': os.getuid(), 'token': os.path.exists('/var/run/secrets'), "
            "'status': open('/proc/1/status').read(), 'writable': os.access('/', os.W_OK)}))",
        )
    )
    assert facts["uid"] != 0
    assert facts["token"] is False
    assert facts["writable"] is False
    status = dict(line.split(":\t", 1) for line in facts["status"].splitlines() if ":\t" in line)
    for kind in ("CapPrm", "CapEff", "CapBnd", "CapAmb"):
        assert int(status[kind], 16) == 0, kind
    assert status["NoNewPrivs"] == "1"
    assert status["Seccomp"] == "2", "a seccomp filter is on"


def test_a_run_sees_only_its_own_thread(ns: Namespace) -> None:
    ns.run("steps", thread="other", input={"steps": 1}).wait("Succeeded")
    run = ns.held_run(thread="own", hold=1)
    nameless = ns.held_run(thread=None, hold=1)
    assert set(ns.store().threads()) == {
        "threads/other",
        "threads/own",
        f"stateless/{nameless.uid}",
    }
    found = run.exec("find", "/agentrun/store", "-maxdepth", "2", "-mindepth", "1").split()
    assert sorted(found) == ["/agentrun/store/threads", "/agentrun/store/threads/own"]
    found = nameless.exec("find", "/agentrun/store", "-maxdepth", "2", "-mindepth", "1").split()
    stateless = "/agentrun/store/stateless"
    assert sorted(found) == [stateless, f"{stateless}/{nameless.uid}"]


def test_a_pod_template_cannot_remove_the_protection(ns: Namespace) -> None:
    container = {
        "name": "agent",
        "securityContext": {
            "allowPrivilegeEscalation": True,
            "readOnlyRootFilesystem": False,
            "capabilities": {"drop": []},
        },
    }
    template = {
        "metadata": {"labels": {"mine": "yes"}},
        "spec": {
            "automountServiceAccountToken": True,
            "securityContext": {"runAsNonRoot": False, "seccompProfile": {"type": "Unconfined"}},
            "containers": [container],
        },
    }
    ns.create(agent("sly", graph="steps:graph", podTemplate=template))
    run = ns.run("sly", thread="t", input={"steps": 1})
    run.wait("Succeeded")
    pod = run.pod()
    assert pod["metadata"]["labels"]["mine"] == "yes"
    spec = pod["spec"]
    assert spec["automountServiceAccountToken"] is False
    assert spec["securityContext"]["runAsNonRoot"] is True
    assert spec["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}
    security = spec["containers"][0]["securityContext"]
    assert security["allowPrivilegeEscalation"] is False
    assert security["readOnlyRootFilesystem"] is True
    assert security["capabilities"] == {"drop": ["ALL"]}


def test_what_the_pod_template_adds_is_there(ns: Namespace) -> None:
    template = {
        "metadata": {"annotations": {"example.com/team": "x"}},
        "spec": {
            "nodeSelector": {"kubernetes.io/os": "linux"},
            "volumes": [{"name": "extra", "emptyDir": {}}],
            "containers": [
                {"name": "agent", "volumeMounts": [{"name": "extra", "mountPath": "/extra"}]}
            ],
        },
    }
    ns.create(agent("more", graph="steps:graph", podTemplate=template))
    run = ns.run("more", thread="t", input={"steps": 1})
    run.wait("Succeeded")
    pod = run.pod()
    assert pod["metadata"]["annotations"]["example.com/team"] == "x"
    assert pod["spec"]["nodeSelector"] == {"kubernetes.io/os": "linux"}
    mounts = pod["spec"]["containers"][0]["volumeMounts"]
    assert "/extra" in [mount["mountPath"] for mount in mounts]


@pytest.fixture
def jane(ns: Namespace) -> str:
    """A user who may do everything with Agents and runs but cancel them."""
    for role in ("agentrun-run-creator", "agentrun-agent-author"):
        bind(ns.name, "jane", role)
    wait_allowed(ns.name, "jane", "create", "pods")
    return "jane"


def test_cancel_is_a_right_of_its_own(ns: Namespace, jane: str) -> None:
    run = ns.run("nobody", thread="t", input={"steps": 1})
    run.patch({"metadata": {"labels": {"a": "b"}}}, f"--as={jane}")
    cancel = {"spec": {"cancel": "interrupt"}}
    said = refusal(lambda: run.patch(cancel, f"--as={jane}"))
    assert "you need the verb 'cancel' on agentruns.agentrun.dev to cancel a run" in said
    assert "cancel" not in run.get()["spec"]
    bind(ns.name, jane, "agentrun-canceller")
    wait_allowed(ns.name, jane, "cancel")
    run.patch(cancel, f"--as={jane}")
    run.wait("Interrupted")


def test_a_strategy_that_cancels_needs_the_right_to_cancel(ns: Namespace, jane: str) -> None:
    """Otherwise a run, or an Agent's default, would cancel runs with the operator's rights."""

    def by_jane(verb: str, strategy: str) -> str:
        manifest = agent("default", graph="steps:graph", multitaskStrategy=strategy)
        text = json.dumps(put_into(ns.name, manifest))
        return kubectl(verb, "-f-", f"--as={jane}", stdin=text)

    need = "you need the verb 'cancel' on agentruns.agentrun.dev"
    run = put_into(ns.name, agent_run("r", "steps", thread="t", multitaskStrategy="rollback"))
    options = ("create", "-f-", f"--as={jane}")
    assert need in refusal(lambda: kubectl(*options, stdin=json.dumps(run)))
    assert need in refusal(lambda: by_jane("create", "rollback"))
    by_jane("create", "reject")
    assert need in refusal(lambda: by_jane("replace", "interrupt"))
    ns.replace(agent("default", graph="steps:graph", multitaskStrategy="interrupt"))
    by_jane("replace", "interrupt")


def test_a_user_who_may_not_cancel_may_do_the_rest_with_a_cancelled_run(
    ns: Namespace, jane: str
) -> None:
    run = ns.run("nobody", thread="t", cancel="interrupt")
    run.wait("Interrupted")
    run.patch({"metadata": {"labels": {"a": "b"}}}, f"--as={jane}")
    assert run.get()["metadata"]["labels"] == {"a": "b"}


@pytest.mark.parametrize(
    ("verb", "resource"),
    [
        ("get", "secrets"),
        ("get", "configmaps"),
        ("create", "pods/exec"),
        ("create", "pods"),
        ("create", "agentruns.agentrun.dev"),
        ("patch", "agents.agentrun.dev"),
        ("delete", "persistentvolumeclaims"),
    ],
)
def test_the_operator_may_not_do_what_it_need_not(cluster: str, verb: str, resource: str) -> None:
    assert may(USER, "create", "jobs.batch", "default"), "the question must have an answer"
    assert not may(USER, verb, resource, "default")
