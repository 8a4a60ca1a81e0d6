"""The node of a run does not answer: nobody knows what runs there, and nobody pretends to."""

import json
from collections.abc import Callable

import pytest

from . import deployment, faults
from .kubectl import Object, get, kubectl, wait_until
from .namespace import Namespace, agent
from .node import Vigil
from .operators import DEPLOYED
from .run import Run, condition, message, time

# The node controller gives a kubelet 50 s.
UNTIL_MARKED = 90
# The pod garbage collector gives a node that is gone 40 s to come back, and looks every 20 s.
UNTIL_GIVEN_UP = 100
CLEANUP = "--selector=app.kubernetes.io/component=cleanup"


def wait_unreachable(run: Run) -> None:
    """Wait until the run says that its node does not answer, and what a person can do."""
    obj = run.wait_until(
        "its node is unreachable",
        lambda obj: condition(obj, "Stopped") == ("False", "NodeUnreachable"),
        UNTIL_MARKED,
    )
    assert obj["status"]["phase"] == "Cancelling"
    assert "finishedAt" not in obj["status"]
    assert " ".join(("kubectl", *give_up(run))) in message(obj, "Stopped")


def in_sight(reason: str) -> Callable[[Object], bool]:
    return lambda obj: condition(obj, "Started") == ("True", reason)


def give_up(run: Run) -> tuple[str, ...]:
    """What a person may do if the node is off, as arguments of kubectl."""
    pod = run.pod()["metadata"]["name"]
    return ("delete", "pod", pod, "-n", run.namespace, "--force", "--grace-period=0")


@pytest.mark.alone
@pytest.mark.usefixtures("no_other_namespaces")
def test_a_run_stays_cancelling_until_its_node_answers_again(ns: Namespace) -> None:
    """Failure modes 13 and 28. So does one that nobody has cancelled, and it goes on."""
    ns.run("steps", thread="b", input={"steps": 1}).wait("Succeeded")
    before = ns.store().state("b")
    interrupted = ns.held_run(thread="a", gracePeriodSeconds=2)
    rolled_back = ns.held_run(thread="b", gracePeriodSeconds=2)
    untouched = ns.held_run(thread="c", hold=2)
    jobs = deployment.created(ns.name, "jobs")
    operator = DEPLOYED.restarts()
    leader = DEPLOYED.leader()["metadata"]["name"]
    with faults.kubelet_stopped(interrupted.pod()["spec"]["nodeName"]):
        interrupted.cancel("interrupt")
        rolled_back.cancel("rollback")
        for run in (interrupted, rolled_back):
            wait_unreachable(run)
            assert run.processes(), "the process must be alive, or this shows nothing"
        untouched.wait_until("its node is unreachable", in_sight("NodeUnreachable"), UNTIL_MARKED)
        assert untouched.status["phase"] == "Running"
        assert deployment.created(ns.name, "jobs") == jobs, "too early for a clean-up"
        vigils = [Vigil(run.uid) for run in (interrupted, rolled_back)]
    done = interrupted.wait("Interrupted")
    assert condition(done, "Stopped") == ("True", "PodTerminated")
    assert vigils[0].last_seen_alive() < time(done["status"]["finishedAt"])
    rolled_back.wait_gone()
    vigils[1].last_seen_alive()
    store = ns.store()
    assert store.state("a").values["done"] == [1, 2]
    assert store.state("b") == before
    assert store.tombstones("threads/b") == {rolled_back.uid}
    untouched.wait_until("its node is back", in_sight("AgentStarted"))
    untouched.let_go()
    assert untouched.wait("Succeeded")["status"]["attempts"] == 1
    assert DEPLOYED.leader()["metadata"]["name"] == leader, "its processes went on all the time"
    assert DEPLOYED.restarts() == operator


@pytest.mark.alone
@pytest.mark.usefixtures("no_other_namespaces")
def test_a_clean_up_whose_node_is_lost_does_not_delay_the_next_try(ns: Namespace) -> None:
    """A Job is not called failed before the kubelet has reported the end of its pod."""
    ns.run("steps", thread="t", input={"steps": 1}).wait("Succeeded")
    before = ns.store().state("t")
    run = ns.run("steps", thread="t", input={"steps": 1}, reclaimPolicy="Delete")
    run.wait("Succeeded")
    with faults.kubelet_stopped(run.pod()["spec"]["nodeName"]):
        run.delete()
        pod = wait_until(
            "has the node whose kubelet does not run",
            "pods",
            ns.name,
            lambda pod: bool(pod["spec"].get("nodeName")),
            CLEANUP,
        )
        first = pod["metadata"]["labels"]["batch.kubernetes.io/job-name"]
        # Ten minutes are too long for a test.
        deadline = json.dumps({"spec": {"activeDeadlineSeconds": 1}})
        kubectl("patch", "job", first, "-n", ns.name, "--type=merge", f"--patch={deadline}")
        wait_until(
            "is the second try",
            "jobs",
            ns.name,
            lambda job: bool(job["metadata"]["annotations"]["agentrun.dev/attempt"] == "2"),
            CLEANUP,
        )
        job = get("job", ns.name, first)
        assert job is not None, "the first one has not come to its end"
        assert condition(job, "FailureTarget") == ("True", "DeadlineExceeded")
        assert condition(job, "Failed") is None
        assert run.get(), "nothing is clean yet"
    run.wait_gone()
    store = ns.store()
    assert store.tombstones("threads/t") == {run.uid}
    assert store.state("t") == before


def test_a_run_ends_when_a_user_or_the_cluster_gives_up_its_pod(ns: Namespace) -> None:
    lost = f"{ns.name}-lost"
    ns.create(agent("far-away", graph="steps:graph", podTemplate={"spec": {"nodeName": lost}}))
    with faults.node_without_kubelet(lost):
        by_hand, by_cluster = runs = [
            ns.run("far-away", thread=thread, input={"steps": 1}, gracePeriodSeconds=1)
            for thread in ("a", "b")
        ]
        for run in runs:
            faults.report_running(run)
            run.wait("Running")
            run.cancel("interrupt")
        for run in runs:
            wait_unreachable(run)
        kubectl(*give_up(by_hand), "--wait=false")
        done = by_hand.wait("Interrupted")
        assert condition(done, "Stopped") == ("True", "PodGone")
        assert by_cluster.status["phase"] == "Cancelling", "nobody has given this one up"
    done = by_cluster.wait("Interrupted", UNTIL_GIVEN_UP)
    assert condition(done, "Stopped") == ("True", "PodGivenUp")
    assert "did not confirm the end" in message(done, "Stopped")
    assert deployment.created(ns.name, "pods") == 2, "none may follow them"


def test_a_run_ends_when_a_user_marks_its_node_as_out_of_service(ns: Namespace) -> None:
    """The pod garbage collector writes the last phase then: it is no word of a kubelet."""
    lost = f"{ns.name}-off"
    ns.create(agent("far-away", graph="steps:graph", podTemplate={"spec": {"nodeName": lost}}))
    with faults.node_without_kubelet(lost):
        run = ns.run("far-away", thread="t", input={"steps": 1}, gracePeriodSeconds=1, retries=3)
        faults.report_running(run)
        run.wait("Running")
        run.cancel("interrupt")
        wait_unreachable(run)
        taint = "node.kubernetes.io/out-of-service=nodeshutdown:NoExecute"
        kubectl("taint", "node", lost, taint)
        done = run.wait("Interrupted", UNTIL_GIVEN_UP)
        assert condition(done, "Stopped") == ("True", "PodGivenUp")
        assert "did not confirm the end" in message(done, "Stopped")
        assert "DeletionByTaintManager" in message(done, "Stopped")
    assert deployment.created(ns.name, "pods") == 1, "none may follow it"
