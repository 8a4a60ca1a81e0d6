"""Two operators in one cluster, each with its own runs."""

from . import deployment
from .namespace import INSTANCE, Namespace
from .operators import Operator


def test_each_operator_works_on_its_own_runs_and_a_thread_has_one_live_run(
    ns: Namespace, operator: Operator
) -> None:
    own = ns.held_run(thread="t")
    ns.instance = None
    other = ns.run("steps", thread="t", input={"steps": 1})
    said = other.wait_waiting("ThreadBusy")
    assert f"AgentRun {own.name}" in said
    assert f"{INSTANCE}={operator.instance}" in said
    with operator.down():
        own.open_gate()
        own.wait_pod_ended()
        ns.run("steps", thread="u", input={"steps": 1}).wait("Succeeded")
        assert own.status["phase"] == "Running", "the deployed operator leaves it alone"
        assert other.status["phase"] == "Pending"
    own.wait("Succeeded")
    other.wait("Succeeded")
    job, pod = own.job(), own.pod()
    assert job is not None
    for made in (job, pod):
        assert made["metadata"]["labels"][INSTANCE] == operator.instance
    assert INSTANCE not in other.pod()["metadata"]["labels"]
    assert deployment.created(ns.name, "jobs") == 3
