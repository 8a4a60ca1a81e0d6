"""Forged clean-up Jobs, on the simulated cluster of ``make chaos``.

Any user who may create Jobs can make them. They are neither believed nor waited for.
"""

import json

from objects import Object, name_of, uid_of
from simulated.kube import Request
from simulated.world import World

from .simulated import cleanups_finish, create, go_on, phase

LABELS = {
    "app.kubernetes.io/managed-by": "agentrun-operator",
    "app.kubernetes.io/component": "cleanup",
}


def roll_back(world: World) -> str:
    """A run that is rolled back and not clean yet. Returns its UID."""
    create(world, thread="t")
    world.start_operator()
    go_on(world, rounds=5)
    found = world.server.get("agentruns", "r")
    assert found is not None
    return uid_of(found)


def forge(world: World, name: str, uid: str, **status: object) -> None:
    """A clean-up Job that no controller manages, and its pod, which reports that all is clean."""
    annotations = {
        "agentrun.dev/claim": "agentrun-store",
        "agentrun.dev/runs": json.dumps({uid: "r"}),
        "agentrun.dev/attempt": "99",
    }
    spec: Object = {"managedBy": "forger", "template": {"metadata": {"labels": LABELS}}}
    meta = {"name": name, "labels": LABELS, "annotations": annotations}
    job = world.server.create("jobs", {"metadata": meta, "spec": spec})
    world.server.update("jobs", job, job | {"status": status})
    owner = {"kind": "Job", "name": name, "uid": uid_of(job), "controller": True}
    report = json.dumps({"runs": {uid: {"checkpoints": 7}}, "errors": {}})
    end = {"exitCode": 0, "message": report, "finishedAt": world.clock.stamp()}
    pod = world.server.create(
        "pods",
        {
            "metadata": {"name": f"{name}-x", "labels": LABELS, "ownerReferences": [owner]},
            "spec": {"nodeName": "n0", "containers": [{"image": "x", "env": []}]},
        },
    )
    containers = [{"name": "cleanup", "state": {"terminated": end}}]
    world.server.update(
        "pods", pod, pod | {"status": {"phase": "Failed", "containerStatuses": containers}}
    )


def not_clean(world: World) -> str:
    found = world.server.get("agentruns", "r")
    conditions = found["status"]["conditions"] if found else []
    return str(next((c["message"] for c in conditions if c["type"] == "RolledBack"), ""))


def expect_cleaned_by_the_operators_own_job(world: World) -> None:
    go_on(world, rounds=10)
    assert phase(world) == "Cancelling", "the forged report must not count"
    for _ in range(10):
        cleanups_finish(world)
        go_on(world, rounds=2, pause=3)
    assert phase(world) == "gone"
    assert world.judge.violations == []


def test_a_forged_report_is_not_believed(world: World) -> None:
    uid = roll_back(world)
    forge(world, "agentrun-cleanup-forged", uid)
    world.server.patch("agentruns", "r", {"spec": {"cancel": "rollback"}})
    expect_cleaned_by_the_operators_own_job(world)


def test_a_forged_job_that_never_ends_delays_no_clean_up(world: World) -> None:
    uid = roll_back(world)
    world.server.patch("agentruns", "r", {"spec": {"cancel": "rollback"}})
    forge(world, "agentrun-cleanup-forged", uid)
    go_on(world, rounds=8)
    own = [job for job in world.server.all("jobs") if name_of(job) not in ("r",)]
    assert len(own) == 2, "its own Job is made beside the forged one"
    expect_cleaned_by_the_operators_own_job(world)


def test_a_clean_up_job_whose_name_is_taken_gets_another_and_the_run_says_so(world: World) -> None:
    """No user can guess the name, but the operator's request may take effect without an answer."""
    uid = roll_back(world)
    world.server.patch("agentruns", "r", {"spec": {"cancel": "rollback"}})
    taken: list[str] = []
    said: list[str] = []

    def serve(request: Request) -> None:
        if request.text.startswith("create jobs/agentrun-cleanup") and len(taken) < 4:
            taken.append(request.text.split("/")[1])
            forge(world, taken[-1], uid)
        request.serve()
        said.append(not_clean(world))

    go_on(world, serve, rounds=12)
    assert len(set(taken)) == 4
    assert any("already exists and may not be the operator's" in text for text in said), set(said)
    expect_cleaned_by_the_operators_own_job(world)


def test_a_changed_annotation_of_the_operators_own_job_ends_no_clean_up(world: World) -> None:
    roll_back(world)
    world.server.patch("agentruns", "r", {"spec": {"cancel": "rollback"}})
    go_on(world, rounds=10)
    (job,) = [job for job in world.server.all("jobs") if name_of(job) != "r"]
    forged = {"agentrun.dev/runs": '{"other": "o"}', "agentrun.dev/attempt": "x"}
    world.server.patch("jobs", name_of(job), {"metadata": {"annotations": forged}})
    expect_cleaned_by_the_operators_own_job(world)
