"""What is left to do for a finished run: expire, reclaim its store, stay as a tombstone."""

import json

from .deployment import writes
from .kubectl import kubectl
from .namespace import Namespace, agent_run
from .run import Run, condition, time


def test_the_record_expires_and_its_checkpoints_stay(ns: Namespace) -> None:
    """Failure mode 53."""
    run = ns.run("steps", thread="t", input={"steps": 2}, ttlSecondsAfterFinished=3)
    status = run.wait("Succeeded")["status"]
    lifetime = time(status["expiresAt"]) - time(status["finishedAt"])
    assert lifetime.total_seconds() == 3
    run.wait_gone(seconds=30)
    assert ns.store().state("t").values["done"] == [1, 2]


def test_reclaim_policy_delete_takes_the_checkpoints_of_a_finished_run_with_its_record(
    ns: Namespace,
) -> None:
    ns.run("steps", thread="t", input={"steps": 1}).wait("Succeeded")
    before = ns.store().state("t")
    run = ns.run("steps", thread="t", input={"steps": 3}, reclaimPolicy="Delete")
    run.wait("Succeeded")
    assert ns.store().state("t").values["done"] == [1, 2, 3]
    run.delete()
    run.wait_gone()
    assert ns.store().state("t") == before


def test_an_ordinary_finished_run_can_be_deleted_without_the_operator_doing_anything(
    ns: Namespace,
) -> None:
    """Failure mode 40."""
    run = ns.run("steps", thread="t", input={"steps": 1})
    done = run.wait("Succeeded")
    assert done["status"]["settled"] is True
    assert not done["metadata"].get("finalizers")
    before = writes(ns.name)
    run.delete()
    run.wait_gone()
    assert writes(ns.name) == before


def test_a_rolled_back_run_from_git_stays_as_an_empty_tombstone_and_does_not_run_again(
    ns: Namespace,
) -> None:
    """Failure mode 54."""
    manifest = agent_run("from-git", "steps", thread="t", input={"steps": 9})
    manifest["spec"]["config"] = {"configurable": {"hold": 3}}
    manifest["metadata"]["annotations"] = {"argocd.argoproj.io/tracking-id": "app:x"}
    ns.apply(manifest)
    run: Run = ns.existing_run("from-git")
    run.wait_step(3)
    run.cancel("rollback")
    done = run.wait("RolledBack")
    assert condition(done, "RolledBack") == ("True", "RolledBack")
    assert done["status"]["cancel"]["checkpointsDeleted"] > 0
    assert "output" not in done["status"]
    assert ns.store().segments("threads/t") == []
    version = run.get()["metadata"]["resourceVersion"]
    # What Git says has no spec.cancel: the merge of apply leaves the patched field alone.
    ns.apply(manifest)
    assert run.get()["metadata"]["resourceVersion"] == version
    pods = json.loads(kubectl("get", "pods", "-n", ns.name, "-l", "agentrun.dev/run", "-ojson"))
    assert len(pods["items"]) == 1
