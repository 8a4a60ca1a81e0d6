"""A finished run: it expires, the operator reclaims its store, and its tombstone stays."""

import json

from .deployment import USER, wait_unwatched, writes
from .kubectl import Object, kubectl, wait_gone
from .namespace import Namespace, agent_run, put_into
from .run import Run, condition, time

ADDED_LABELS = ("controller-uid", "job-name")


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


def test_reclaiming_an_older_run_leaves_the_later_ones_as_they_were(ns: Namespace) -> None:
    """Failure mode 29."""
    older = ns.run("steps", thread="t", input={"steps": 2}, reclaimPolicy="Delete")
    older.wait("Succeeded")
    later = ns.run("steps", thread="t", input={"steps": 3})
    later.wait("Succeeded")
    before = ns.store().checkpoints_of("threads/t", later.uid)
    older.delete()
    older.wait_gone()
    store = ns.store()
    assert store.segments("threads/t") == [later.uid]
    assert store.checkpoints_of("threads/t", later.uid) == before
    assert store.state("t").values["done"] == [1, 2, 3]
    onward = ns.run("steps", thread="t", input={"steps": 4})
    assert onward.wait("Succeeded")["status"]["output"]["done"] == [1, 2, 3, 4]


def test_reclaiming_an_older_run_takes_nothing_that_later_ones_are_built_on(ns: Namespace) -> None:
    """Failure mode 29. LangGraph stores a DeltaChannel as what each run has changed."""
    older = ns.run("remembers", thread="t", input={"words": ["a"]}, reclaimPolicy="Delete")
    older.wait("Succeeded")
    later = ns.run("remembers", thread="t", input={"words": ["b"]})
    words = ["a", "1 so far", "b", "3 so far"]
    assert later.wait("Succeeded")["status"]["output"] == {"words": words}
    older.delete()
    older.wait_gone()
    assert ns.store().checkpoints_of("threads/t", older.uid) == set()
    onward = ns.run("remembers", thread="t", input={"words": ["c"]}).wait("Succeeded")
    assert onward["status"]["output"] == {"words": [*words, "c", "5 so far"]}


def test_a_run_that_has_ended_is_never_written_again(ns: Namespace) -> None:
    """Failure mode 49."""
    run = ns.run("steps", thread="t", input={"steps": 1})
    done = run.wait("Succeeded")
    before = writes(ns.name)
    names = (f"ar/{run.name}", f"job/{run.name}", f"pod/{done['status']['podName']}")
    kubectl("label", *names, "-n", ns.name, "touched=yes")
    # The deletion of its Job also deletes the pod, perhaps before kubectl does.
    kubectl("delete", *names[1:], "-n", ns.name, "--ignore-not-found")
    # Once a run that was created later has ended, the operator has handled this one too.
    ns.run("nobody", "marker", cancel="interrupt").wait("Interrupted")
    assert [write for write in writes(ns.name)[len(before) :] if "marker" not in write] == []
    assert run.get()["status"] == done["status"]


def test_a_job_that_is_made_after_the_end_is_removed(ns: Namespace) -> None:
    """Failure mode 12. A frozen operator sends a create request that it decided on long ago."""
    run = ns.held_run()
    late = as_it_was_made(run.job())
    run.cancel("interrupt")
    done = run.wait("Interrupted")
    kubectl("delete", "job", run.name, "-n", ns.name)
    as_operator = f"--as={USER}"
    kubectl("create", "-f-", as_operator, stdin=json.dumps(put_into(ns.name, late)))
    wait_gone("job", ns.name, run.name)
    ns.run("echoes", thread="t", input={"text": "x"}).wait("Succeeded")
    assert run.processes() == []
    assert run.get()["status"] == done["status"]


def test_the_jobs_and_pods_of_finished_runs_leave_the_watch(ns: Namespace) -> None:
    failed = ns.run("raises", thread="b", input={}, retries=1)
    interrupted = ns.held_run()
    interrupted.cancel("interrupt")
    interrupted.wait("Interrupted")
    failed.wait("Failed")
    for run in (interrupted, failed):
        wait_unwatched("jobs", run.namespace, run.name)
        for pod in run.pods():
            wait_unwatched("pods", run.namespace, pod["metadata"]["name"])
    assert len(failed.pods()) == 2
    assert interrupted.log()[-1]["result"] == "Stopped"


def as_it_was_made(job: Object | None) -> Object:
    """The Job as the operator sent it, without the API server's additions."""
    assert job is not None
    meta = {key: job["metadata"][key] for key in ("name", "labels", "ownerReferences")}
    spec = {key: value for key, value in job["spec"].items() if key != "selector"}
    template = spec["template"]
    labels = template["metadata"]["labels"]
    own = {key: value for key, value in labels.items() if not key.endswith(ADDED_LABELS)}
    spec["template"] = template | {"metadata": template["metadata"] | {"labels": own}}
    meta["labels"] = {key: meta["labels"][key] for key in meta["labels"].keys() & own.keys()}
    return {"apiVersion": "batch/v1", "kind": "Job", "metadata": meta, "spec": spec}


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
    # The manifest in Git has no spec.cancel: the merge of apply keeps the patched field.
    ns.apply(manifest)
    assert run.get()["metadata"]["resourceVersion"] == version
    pods = json.loads(kubectl("get", "pods", "-n", ns.name, "-l", "agentrun.dev/run", "-ojson"))
    assert len(pods["items"]) == 1
