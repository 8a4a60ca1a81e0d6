"""Invalid input gets a constant reason, and a message with the field and the fix."""

import re
from typing import Any

import pytest

from .deployment import writes
from .kubectl import KubectlError, Object, kubectl
from .namespace import Namespace, agent, claim, command_agent
from .run import Run, condition, message

# The writes for a waiting run: finalizer, Job, one status, one Event. A loop would make hundreds.
FEW_WRITES = 6


def expect_quiet(ns: Namespace, run: Run) -> None:
    """Other runs make progress while the run waits, and the operator writes next to nothing."""
    ns.run("steps", thread="others", input={"steps": 3}).wait("Succeeded")
    # Events have the name of their run, a dot and more.
    said = [line for line in writes(ns.name) if re.search(rf"/{run.name}[.\"]", line)]
    assert len(said) <= FEW_WRITES, said
    assert run.status["phase"] == "Pending"


def test_a_run_waits_for_an_agent_that_does_not_exist(ns: Namespace) -> None:
    run = ns.run("typo", thread="t", input={"steps": 1})
    said = run.wait_waiting("AgentNotFound")
    assert said == (
        f"spec.agentRef.name: there is no Agent typo in namespace {ns.name}. "
        "The run starts when it is created."
    )
    expect_quiet(ns, run)
    assert [reason for reason, _ in run.events(until="AgentNotFound")] == ["AgentNotFound"]
    ns.create(agent("typo", graph="steps:graph"))
    run.wait("Succeeded")


def test_a_run_waits_for_a_claim_that_does_not_exist(ns: Namespace) -> None:
    ns.create(agent("a", graph="steps:graph", store={"claimName": "later"}))
    run = ns.run("a", thread="t", input={"steps": 1})
    said = run.wait_waiting("ClaimNotFound")
    assert "spec.store.claimName of Agent a: there is no PersistentVolumeClaim later" in said
    expect_quiet(ns, run)
    ns.create(claim("later"))
    run.wait("Succeeded")


def test_an_image_that_cannot_be_pulled_is_named(ns: Namespace) -> None:
    ns.create(agent("a", graph="steps:graph", image="localhost/no-such-image:1"))
    run = ns.run("a", thread="t", input={"steps": 1})
    said = run.wait_waiting("ImagePullFailed")
    assert "spec.image of Agent a: the image cannot be pulled" in said
    expect_quiet(ns, run)


def test_a_name_that_is_too_long_for_a_job_is_refused(ns: Namespace) -> None:
    run = ns.run("steps", "n" * 64, thread="t", input={"steps": 1})
    failed = run.wait("Failed")
    assert condition(failed, "Finished") == ("True", "NameTooLong")
    assert "metadata.name has 64 characters" in message(failed, "Finished")
    assert "may have 63" in message(failed, "Finished")
    longest = ns.run("steps", "n" * 63, thread="t", input={"steps": 1})
    longest.wait("Succeeded")


# spec.runtime.langgraph.graph -> words of the run's message.
NO_GRAPHS = {
    "nowhere:graph": "there is no module 'nowhere'",
    "steps:nothing": "the module 'steps' has no 'nothing'; its graphs are: graph",
    "cannot_be_imported:graph": "imports 'no_such_package', which is not there",
    "steps:GATE": "it must be a compiled graph",
}


@pytest.fixture(scope="module")
def without_graph(shared_ns: Namespace) -> dict[str, Run]:
    """Runs of Agents without a graph; all at once, since each takes seconds."""
    runs = {}
    for number, graph in enumerate(NO_GRAPHS):
        shared_ns.create(agent(f"no-graph-{number}", graph=graph))
        runs[graph] = shared_ns.run(f"no-graph-{number}", input={"steps": 1})
    return runs


@pytest.mark.parametrize("graph", NO_GRAPHS)
def test_a_graph_that_cannot_be_imported_is_named(
    without_graph: dict[str, Run], graph: str
) -> None:
    failed = without_graph[graph].wait("Failed")
    assert condition(failed, "Finished") == ("True", "GraphImportFailed")
    said = message(failed, "Finished")
    assert said.startswith("Agent spec.runtime.langgraph.graph")
    assert NO_GRAPHS[graph] in said


@pytest.mark.parametrize("given", ["just text", 7, ["a"], {"steps": 1, "done": 5}])
def test_an_input_that_the_graph_does_not_accept_fails_the_run(
    shared_ns: Namespace, given: Any
) -> None:
    failed = shared_ns.run("steps", input=given).wait("Failed")
    assert condition(failed, "Finished") == ("True", "InvalidInput")
    assert "spec.input" in message(failed, "Finished")


def test_a_thread_survives_a_wrong_input(shared_ns: Namespace) -> None:
    shared_ns.run("steps", thread="used", input={"steps": 1}).wait("Succeeded")
    shared_ns.run("steps", thread="used", input="just text").wait("Failed")
    done = shared_ns.run("steps", thread="used", input={"steps": 2}).wait("Succeeded")
    assert done["status"]["output"]["done"] == [1, 2]


def test_an_input_that_is_too_large_for_a_pod_fails_its_run(shared_ns: Namespace) -> None:
    """Failure mode 45."""
    failed = shared_ns.run("steps", input={"text": "x" * 300_000}).wait("Failed")
    assert condition(failed, "Finished") == ("True", "InputTooLarge")
    assert "spec.input" in message(failed, "Finished")


def test_an_event_says_that_a_run_leaves_no_room_for_its_status(ns: Namespace) -> None:
    """The largest AgentRun that etcd stores, but for fewer bytes than a status has."""
    fits, too_large = 1_400_000, 1_700_000
    run = ns.run("nobody", input="x" * fits)
    while too_large - fits > 64:
        size = (fits + too_large) // 2
        try:
            run = ns.run("nobody", input="x" * size)
        except KubectlError as error:
            assert "too large" in str(error), error
            too_large = size
        else:
            fits = size
    assert run.events(until="ObjectTooLarge")
    assert "conditions" not in run.status


def test_no_input_on_a_thread_that_has_no_state_fails_the_run(ns: Namespace) -> None:
    failed = ns.run("steps", thread="t").wait("Failed")
    assert condition(failed, "Finished") == ("True", "InvalidInput")
    assert "spec.input is missing" in message(failed, "Finished")


def test_a_pod_template_that_the_api_server_refuses_is_named_and_can_be_fixed(
    ns: Namespace,
) -> None:
    ns.create(agent("a", graph="steps:graph", podTemplate={"spec": {"nodeSelector": {"x": 1}}}))
    run = ns.run("a", thread="t", input={"steps": 1})
    said = run.wait_waiting("JobRejected")
    assert "spec.podTemplate" in said
    assert "Agent a" in said
    expect_quiet(ns, run)
    ns.replace(agent("a", graph="steps:graph"))
    run.wait("Succeeded")


@pytest.mark.parametrize(
    ("spec", "reason", "field"),
    [
        pytest.param(
            {"podTemplate": {"spec": {"hostNetwork": True}}},
            "PodTemplateRefused",
            "spec.podTemplate.spec.hostNetwork is true",
            id="pod is not allowed",
        ),
        pytest.param(
            {"code": {"configMap": {"name": "later"}}},
            "PodPreparing",
            "spec.code.configMap.name",
            id="code does not exist",
        ),
    ],
)
def test_a_run_that_gets_no_container_says_so_and_can_be_cancelled(
    shared_ns: Namespace,
    spec: dict[str, Any],
    reason: str,
    field: str,
    request: pytest.FixtureRequest,
) -> None:
    """Failure mode 4."""
    name = request.node.callspec.id.replace(" ", "-")
    stuck = agent(name, graph="steps:graph")
    stuck["spec"] |= spec
    shared_ns.create(stuck)
    run = shared_ns.run(name, thread=name, input={"steps": 1})
    assert field in run.wait_waiting(reason)
    run.cancel("interrupt")
    run.wait("Interrupted", seconds=10)
    assert run.pods() == []


def test_a_secret_that_does_not_exist_is_named(ns: Namespace) -> None:
    env_from = [{"secretRef": {"name": "later"}}]
    ns.create(agent("a", graph="steps:graph", envFrom=env_from))
    run = ns.run("a", thread="t", input={"steps": 1})
    said = run.wait_waiting("ContainerRejected")
    assert '"later" not found' in said
    assert "spec.envFrom" in said
    secret: Object = {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "later"}}
    ns.create(secret)
    run.wait("Succeeded")


def test_a_program_that_does_not_exist_fails_its_run(ns: Namespace) -> None:
    ns.create(command_agent("a", "no-such-program"))
    failed = ns.run("a", thread="t").wait("Failed")
    assert condition(failed, "Finished") == ("True", "AgentFailed")
    assert "spec.runtime.command: cannot execute 'no-such-program'" in message(failed, "Finished")


def test_a_run_waits_in_a_namespace_that_is_full(ns: Namespace) -> None:
    quota = {
        "apiVersion": "v1",
        "kind": "ResourceQuota",
        "metadata": {"name": "full"},
        "spec": {"hard": {"count/jobs.batch": "0"}},
    }
    ns.create(quota)
    kubectl(
        *("wait", "resourcequota", "full", "-n", ns.name, "--timeout=30s"),
        "--for=jsonpath={.status.hard}",
    )
    run = ns.run("steps", thread="t", input={"steps": 1})
    assert "exceeded quota" in run.wait_waiting("JobRejected")
    kubectl("delete", "resourcequota", "full", "-n", ns.name)
    run.wait("Succeeded")
