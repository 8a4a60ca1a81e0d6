"""The node of a run is unreachable: no status claims to know what runs there."""

from collections.abc import Callable

import pytest

from . import deployment, faults
from .kubectl import Object, get, kubectl, patch, wait_until
from .namespace import Namespace, agent
from .node import Vigil
from .operators import DEPLOYED
from .run import Run, condition, message, time

# The node controller marks a node as unreachable after 50 s without its kubelet.
UNTIL_MARKED = 90
# The pod garbage collector waits 40 s for a deleted node to return, and checks every 20 s.
UNTIL_GIVEN_UP = 100
CLEANUP = "--selector=app.kubernetes.io/component=cleanup"


def wait_unreachable(run: Run) -> None:
    """Wait until the run says that its node is unreachable, and what a user can do."""
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
    """kubectl's arguments for the force deletion that a user may do if the node is off."""
    pod = run.pod()["metadata"]["name"]
    return ("delete", "pod", pod, "-n", run.namespace, "--force", "--grace-period=0")


class OnLostNode:
    """Runs of a node before its kubelet stops; all in one namespace."""

    def __init__(self, ns: Namespace) -> None:
        self.ns = ns
        ns.run("steps", thread="b", input={"steps": 1}).wait("Succeeded")
        self.before = ns.store().state("b")
        self.interrupted = ns.held_run(thread="a", gracePeriodSeconds=2)
        self.rolled_back = ns.held_run(thread="b", gracePeriodSeconds=2)
        self.untouched = ns.held_run(thread="c", hold=2)
        self.cancelled = (self.interrupted, self.rolled_back)
        self.jobs = deployment.created(ns.name, "jobs")

    def cancel(self) -> None:
        self.interrupted.cancel("interrupt")
        self.rolled_back.cancel("rollback")

    def expect_nothing_is_said_to_have_stopped(self) -> None:
        for run in self.cancelled:
            wait_unreachable(run)
            assert run.processes(), "the process must be alive, or this shows nothing"
        unreachable = in_sight("NodeUnreachable")
        self.untouched.wait_until("its node is unreachable", unreachable, UNTIL_MARKED)
        assert self.untouched.status["phase"] == "Running"
        jobs = deployment.created(self.ns.name, "jobs")
        assert jobs == self.jobs, "too early for a clean-up"

    def expect_all_end_when_it_answers(self, vigils: list[Vigil]) -> None:
        """``vigils``: of the cancelled runs, from before the node answered."""
        done = self.interrupted.wait("Interrupted")
        assert condition(done, "Stopped") == ("True", "PodTerminated")
        assert vigils[0].last_seen_alive() < time(done["status"]["finishedAt"])
        self.rolled_back.wait_gone()
        vigils[1].last_seen_alive()
        store = self.ns.store()
        assert store.state("a").values["done"] == [1, 2]
        assert store.state("b") == self.before
        assert store.tombstones("threads/b") == {self.rolled_back.uid}
        self.untouched.wait_until("its node is back", in_sight("AgentStarted"))
        self.untouched.open_gate()
        assert self.untouched.wait("Succeeded")["status"]["attempts"] == 1


class CleanUpOnLostNode:
    """An ended run whose clean-up gets a pod after the node's kubelet has stopped."""

    def __init__(self, ns: Namespace) -> None:
        self.ns = ns
        ns.run("steps", thread="t", input={"steps": 1}).wait("Succeeded")
        self.before = ns.store().state("t")
        self.run = ns.run("steps", thread="t", input={"steps": 1}, reclaimPolicy="Delete")
        self.run.wait("Succeeded")

    def delete(self) -> str:
        """Delete the run. Returns the name of the first clean-up Job, after its deadline."""
        self.run.delete()
        pod = wait_until(
            "has the node whose kubelet does not run",
            "pods",
            self.ns.name,
            lambda pod: bool(pod["spec"].get("nodeName")),
            CLEANUP,
        )
        first: str = pod["metadata"]["labels"]["batch.kubernetes.io/job-name"]
        # Ten minutes are too long for a test.
        patch("job", self.ns.name, first, {"spec": {"activeDeadlineSeconds": 1}})
        return first

    def expect_second_try(self, first: str) -> None:
        """Kubernetes marks a Job as failed only when the kubelet has reported its pod's end."""
        wait_until(
            "is the second try",
            "jobs",
            self.ns.name,
            lambda job: bool(job["metadata"]["annotations"]["agentrun.dev/attempt"] == "2"),
            CLEANUP,
        )
        job = get("job", self.ns.name, first)
        assert job is not None, "the first one has not come to its end"
        assert condition(job, "FailureTarget") == ("True", "DeadlineExceeded")
        assert condition(job, "Failed") is None
        assert self.run.get(), "nothing is clean yet"

    def expect_clean(self) -> None:
        self.run.wait_gone()
        store = self.ns.store()
        assert store.tombstones("threads/t") == {self.run.uid}
        assert store.state("t") == self.before


@pytest.mark.alone
@pytest.mark.timeout(300, func_only=True)
def test_while_a_node_is_lost_its_runs_stay_cancelling_and_a_clean_up_is_tried_again(
    ns: Namespace, other_ns: Namespace, no_other_namespaces: None
) -> None:
    """Failure modes 13 and 28. A run that is not cancelled keeps running.

    Both scenarios at once: each loss of a node takes more than a minute.
    """
    runs, clean_up = OnLostNode(ns), CleanUpOnLostNode(other_ns)
    restarts = DEPLOYED.restarts()
    leader = DEPLOYED.leader()["metadata"]["name"]
    with faults.kubelet_stopped(runs.interrupted.pod()["spec"]["nodeName"]):
        runs.cancel()
        first = clean_up.delete()
        clean_up.expect_second_try(first)
        runs.expect_nothing_is_said_to_have_stopped()
        vigils = [Vigil(run.uid) for run in runs.cancelled]
    runs.expect_all_end_when_it_answers(vigils)
    clean_up.expect_clean()
    assert DEPLOYED.leader()["metadata"]["name"] == leader, "its processes kept running"
    assert DEPLOYED.restarts() == restarts


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
        assert by_cluster.status["phase"] == "Cancelling", "no user has force-deleted its pod"
    done = by_cluster.wait("Interrupted", UNTIL_GIVEN_UP)
    assert condition(done, "Stopped") == ("True", "PodGivenUp")
    assert "did not confirm the end" in message(done, "Stopped")
    assert deployment.created(ns.name, "pods") == 2, "none may follow them"


def test_a_run_ends_when_a_user_marks_its_node_as_out_of_service(ns: Namespace) -> None:
    """The pod garbage collector then writes the last phase: it is no report of a kubelet."""
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
