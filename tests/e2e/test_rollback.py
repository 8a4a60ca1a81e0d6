"""spec.cancel: rollback of a running run: the thread is as before, and the AgentRun is gone."""

import pytest

from cluster import node_exec

from .deployment import created
from .kubectl import get_all, kubectl, wait_gone, watch
from .namespace import Namespace
from .node import Vigil
from .run import Run, time
from .store import volume_path


def roll_back(run: Run) -> None:
    run.cancel("rollback")
    run.wait_gone()
    assert run.processes() == []


def test_the_thread_is_what_it_was_before_the_run(ns: Namespace) -> None:
    """Failure mode 30."""
    ns.run("steps", thread="t", input={"steps": 2}).wait("Succeeded")
    before = ns.store()
    run = ns.held_run(hold=5, input={"steps": 9})
    during = ns.store()
    assert during.state("t").values["done"] == [1, 2, 3, 4], "there must be something to roll back"
    roll_back(run)
    after = ns.store()
    assert after.state("t") == before.state("t")
    assert after.segments("threads/t") == before.segments("threads/t")
    assert after.tombstones("threads/t") == {run.uid}
    onward = ns.run("steps", thread="t", input={"steps": 3})
    assert onward.wait("Succeeded")["status"]["output"]["done"] == [1, 2, 3]


class RolledBack:
    """The first run of a thread, rolled back in its third step, with observations during it."""

    def __init__(self, ns: Namespace) -> None:
        self.ns = ns
        self.run = run = ns.held_run()
        vigil = Vigil(run.uid)
        seen = watch("ar", ns.name, f"--field-selector=metadata.name={run.name}")
        next(seen)
        run.cancel("rollback", "wrong turn")
        self.phases = set()
        for event, obj in seen:
            if event == "DELETED":
                break
            self.last = obj["status"]
            self.phases.add(self.last["phase"])
        self.alive_then = run.processes()
        self.last_seen_alive = vigil.last_seen_alive()


@pytest.fixture(scope="module")
def rolled_back(shared_ns: Namespace) -> RolledBack:
    return RolledBack(shared_ns)


def test_nothing_is_cleaned_and_no_record_goes_while_a_process_is_alive(
    rolled_back: RolledBack,
) -> None:
    """Failure mode 28."""
    last = rolled_back.last
    assert rolled_back.alive_then == []
    assert rolled_back.phases == {"Running", "Cancelling"}
    assert last["cancel"]["action"] == "rollback"
    assert last["cancel"]["reason"] == "wrong turn"
    assert rolled_back.last_seen_alive < time(last["cancel"]["goneAt"])
    events = rolled_back.run.events(until="RolledBack")
    (cleanup,) = (text for reason, text in events if reason == "RolledBack")
    assert "4 checkpoints deleted" in cleanup


def test_a_rollback_leaves_no_job_and_no_pod(rolled_back: RolledBack) -> None:
    uid = rolled_back.run.uid
    for kind in ("jobs", "pods"):
        for obj in get_all(kind, rolled_back.ns.name):
            labels = obj["metadata"]["labels"]
            if uid == labels.get("agentrun.dev/run-uid") or "cleanup" in labels.values():
                wait_gone(kind, rolled_back.ns.name, obj["metadata"]["name"])


def test_a_rollback_of_the_first_run_leaves_an_empty_thread(rolled_back: RolledBack) -> None:
    ns = rolled_back.ns
    store = ns.store()
    assert store.segments("threads/t") == []
    assert store.tombstones("threads/t") == {rolled_back.run.uid}
    assert store.state("t").checkpoints == []
    fresh = ns.run("steps", thread="t", input={"steps": 1})
    assert fresh.wait("Succeeded")["status"]["output"]["done"] == [1]


def test_a_run_that_never_wrote_is_rolled_back(ns: Namespace) -> None:
    """Failure mode 34."""
    run = ns.run("slow-import", thread="t", input={})
    run.wait("Running")
    run.wait_log(event="importing")
    roll_back(run)
    (text,) = (text for reason, text in run.events(until="RolledBack") if reason == "RolledBack")
    assert "0 checkpoints deleted" in text
    assert ns.store().tombstones("threads/t") == {run.uid}


def test_a_rollback_of_a_run_without_a_thread_leaves_no_directory(ns: Namespace) -> None:
    run = ns.held_run(thread=None)
    assert ns.store().threads() == [f"stateless/{run.uid}"]
    roll_back(run)
    assert ns.store().threads() == []


def test_what_a_run_wrote_beside_an_older_checkpoint_goes_too(ns: Namespace) -> None:
    """Failure mode 63.

    A resumed step's finished node is a pending write of a checkpoint of the run before.
    """
    held = {"configurable": {"hold": ["left", "right"]}}
    first = ns.run("fans-out", thread="t", input={}, config=held, gracePeriodSeconds=2)
    first.wait("Running")
    first.wait_log(event="begin", node="left")
    first.wait_log(event="begin", node="right")
    first.cancel("interrupt")
    first.wait("Interrupted")
    before = ns.store().state("t")
    held = {"configurable": {"hold": ["right"]}}
    second = ns.run("fans-out", thread="t", config=held, gracePeriodSeconds=2)
    second.wait("Running")
    second.wait_log(event="updates", data={"left": {"done": ["left"]}})
    second.wait_log(event="begin", node="right")
    assert ns.store().state("t") != before, "there must be something to roll back"
    roll_back(second)
    assert ns.store().state("t") == before
    third = ns.run("fans-out", thread="t")
    third.wait("Succeeded")
    begun = sorted(line["node"] for line in third.log() if line["event"] == "begin")
    assert begun == ["left", "right"], "no step may be skipped because of what was rolled back"


def test_an_interrupt_becomes_a_rollback_while_it_is_under_way(ns: Namespace) -> None:
    """Failure modes 9 and 62."""
    ns.run("steps", thread="t", input={"steps": 1}).wait("Succeeded")
    before = ns.store().state("t")
    run = ns.run("ignores-sigterm", thread="t", input={}, gracePeriodSeconds=4)
    run.wait_step(1)
    run.cancel("interrupt")
    run.wait("Cancelling")
    run.cancel("rollback")
    run.wait_gone(seconds=20)
    assert run.processes() == []
    assert ns.store().state("t") == before
    reasons = [reason for reason, _ in run.events(until="RolledBack")]
    assert reasons == ["AgentStarted", "Cancelling", "Cancelling", "RolledBack"]


def test_the_same_rollback_twice_is_one_rollback(ns: Namespace) -> None:
    """Failure mode 8."""
    run = ns.held_run()
    run.cancel("rollback")
    generation = run.get()["metadata"]["generation"]
    run.cancel("rollback")
    assert run.get()["metadata"]["generation"] == generation
    run.wait_gone()
    reasons = [reason for reason, _ in run.events(until="RolledBack")]
    assert reasons == ["AgentStarted", "Cancelling", "RolledBack"]


def test_rollbacks_of_many_runs_share_their_clean_up_jobs(ns: Namespace) -> None:
    """Failure modes 30 and 50."""
    kept = ns.held_run(thread="kept")
    runs = [ns.held_run(thread=f"t{number}") for number in range(4)]
    before = ns.store().state("kept")
    patch = '--patch={"spec":{"cancel":"rollback"}}'
    names = [f"ar/{run.name}" for run in runs]
    kubectl("patch", "-n", ns.name, "--type=merge", patch, *names)
    for run in runs:
        run.wait_gone()
    store = ns.store()
    for number, run in enumerate(runs):
        assert store.segments(f"threads/t{number}") == []
        assert store.tombstones(f"threads/t{number}") == {run.uid}
    assert store.state("kept") == before
    assert kept.status["phase"] == "Running"
    assert created(ns.name, "jobs") < 5 + 4, "one clean-up Job for each run is too many"


def test_a_file_in_the_place_of_the_tombstones_does_not_delay_a_rollback(ns: Namespace) -> None:
    """Failure mode 31."""
    run = ns.held_run()
    node_exec("touch", f"{volume_path(ns.name)}/threads/t/tombstones")
    run.cancel("rollback")
    run.wait_gone()
    store = ns.store()
    assert store.segments("threads/t") == []
    assert store.tombstones("threads/t") == {run.uid}
