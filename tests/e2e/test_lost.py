"""A user or controller deletes, adopts or evicts a run's objects."""

import json

from .deployment import created
from .kubectl import kubectl, wait_until
from .namespace import Namespace, foreign_job
from .run import Run, condition, message


def delete(run: Run, kind: str, name: str) -> None:
    kubectl("delete", kind, name, "-n", run.namespace, "--wait=false")


def test_a_job_that_is_deleted_by_hand_is_not_made_again(ns: Namespace) -> None:
    """Failure mode 20."""
    run = ns.held_run()
    delete(run, "job", run.name)
    failed = run.wait("Failed")
    assert condition(failed, "Finished") == ("True", "JobLost")
    assert "checkpoints are kept" in message(failed, "Finished")
    assert run.processes() == []
    onward = ns.run("steps", thread="t")
    assert onward.wait("Succeeded")["status"]["output"]["done"] == [1, 2, 3, 4]
    assert created(ns.name, "jobs") == 2


def test_a_pod_that_is_deleted_by_hand_ends_the_run(ns: Namespace) -> None:
    """Failure mode 21."""
    run = ns.held_run()
    delete(run, "pod", run.pod()["metadata"]["name"])
    failed = run.wait("Failed")
    assert condition(failed, "Finished") == ("True", "StoppedFromOutside")
    assert "checkpoints are kept" in message(failed, "Finished")
    assert run.processes() == []
    assert ns.store().state("t").values["done"] == [1, 2]


def test_a_cancel_ends_though_its_job_is_deleted_by_hand(ns: Namespace) -> None:
    """Failure mode 20."""
    run = ns.run("ignores-sigterm", thread="t", input={}, gracePeriodSeconds=3)
    run.wait_step(1)
    run.cancel("interrupt")
    run.wait("Cancelling")
    delete(run, "job", run.name)
    run.wait("Interrupted")
    assert run.processes() == []
    assert created(ns.name, "pods") == 1


def test_a_rollback_cleans_though_its_pod_is_deleted_by_hand(ns: Namespace) -> None:
    """Failure mode 21."""
    run = ns.run("ignores-sigterm", thread="t", input={}, gracePeriodSeconds=3)
    run.wait_step(1)
    run.cancel("rollback")
    run.wait("Cancelling")
    delete(run, "pod", run.pod()["metadata"]["name"])
    run.wait_gone()
    assert run.processes() == []
    store = ns.store()
    assert store.segments("threads/t") == []
    assert store.tombstones("threads/t") == {run.uid}


def test_a_pod_that_is_deleted_by_hand_while_it_is_stopped_has_no_successor(ns: Namespace) -> None:
    """Failure mode 21."""
    run = ns.run("ignores-sigterm", thread="t", input={}, gracePeriodSeconds=3, retries=3)
    run.wait_step(1)
    run.cancel("interrupt")
    run.wait("Cancelling")
    delete(run, "pod", run.pod()["metadata"]["name"])
    run.wait("Interrupted")
    assert run.processes() == []
    ns.run("echoes", thread="t", input={"text": "x"}).wait("Succeeded")
    assert run.processes() == []
    assert created(ns.name, "pods") == 2


def test_an_orphaned_pod_is_stopped_too(ns: Namespace) -> None:
    """Failure mode 22."""
    run = ns.held_run()
    kubectl("delete", "job", run.name, "-n", ns.name, "--cascade=orphan")
    assert run.job() is None
    assert run.processes(), "an orphan lives on"
    run.cancel("interrupt")
    run.wait("Interrupted")
    assert run.processes() == []
    assert run.log()[-1]["result"] == "Stopped"
    onward = ns.run("steps", thread="t")
    assert onward.wait("Succeeded")["status"]["output"]["done"] == [1, 2, 3, 4]


def test_a_foreign_job_of_the_same_name_is_left_alone(ns: Namespace) -> None:
    """Failure mode 23."""
    ns.create(foreign_job("taken"))
    run = ns.run("steps", "taken", thread="t", input={"steps": 1})
    said = run.wait_waiting("JobNameTaken")
    assert "A Job named taken exists" in said
    before = run.job()
    assert before is not None
    assert "ownerReferences" not in before["metadata"]
    ns.run("steps", thread="u", input={"steps": 1}).wait("Succeeded")
    assert run.job() == before, "it must not have been touched"
    delete(run, "job", "taken")
    run.wait("Succeeded")


def test_a_cancel_leaves_a_foreign_job_alone(ns: Namespace) -> None:
    """Failure mode 23."""
    ns.create(foreign_job("taken"))
    run = ns.run("steps", "taken", thread="t", input={"steps": 1})
    run.wait_waiting("JobNameTaken")
    before = run.job()
    run.cancel("rollback")
    run.wait_gone(seconds=10)
    assert run.job() == before


def test_an_evicted_run_resumes_in_a_new_pod(ns: Namespace) -> None:
    run = ns.held_run(hold=3)
    first = run.pod()["metadata"]
    run.evict(first["name"])
    second = wait_until(
        "the next pod begins",
        "pods",
        ns.name,
        lambda pod: pod["metadata"]["uid"] != first["uid"] and pod["status"]["phase"] == "Running",
        f"--selector=agentrun.dev/run-uid={run.uid}",
    )
    run.wait_until(
        "in its new pod", lambda obj: obj["status"]["podName"] == second["metadata"]["name"]
    )
    assert run.status["phase"] == "Running"
    kubectl("exec", "-n", ns.name, second["metadata"]["name"], "--", "touch", "/tmp/go")
    assert run.wait("Succeeded")["status"]["output"]["done"] == [1, 2, 3, 4]
    text = kubectl("logs", "-n", ns.name, second["metadata"]["name"])
    lines = [json.loads(line) for line in text.splitlines() if line]
    assert [line["step"] for line in lines if line["event"] == "begin"] == [3, 4]
    assert ns.store().segments("threads/t") == [run.uid]


def test_an_evicted_run_that_is_cancelled_gets_no_new_pod(ns: Namespace) -> None:
    """Failure mode 24."""
    run = ns.run("ignores-sigterm", thread="t", input={}, gracePeriodSeconds=3)
    run.wait_step(1)
    run.evict(run.pod()["metadata"]["name"])
    run.cancel("interrupt")
    run.wait("Interrupted")
    assert run.processes() == []
    ns.run("echoes", thread="t", input={"text": "x"}).wait("Succeeded")
    assert run.processes() == []
    assert created(ns.name, "pods") == 2
