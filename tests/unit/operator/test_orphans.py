"""Live Jobs and pods without their run are deleted; those of a run, and ended ones, stay."""

from agentrun_kube.names import (
    COMPONENT_AGENT,
    LABEL_COMPONENT,
    LABEL_MANAGED_BY,
    LABEL_RUN,
    MANAGED_BY,
)
from judge.excuses import TAKEN_OFF
from objects import merged, name_of, uid_of
from simulated.kube import Request
from simulated.operator import OperatorProcess
from simulated.world import World

from .simulated import Notes, agents_finish, create, go_on, phase
from .test_finished_is_not_watched import fail, succeed


def lives_without_its_run(world: World) -> None:
    """A run is started, its operator dies, the run is deleted by hand, and its pod lives."""
    create(world, thread="t")
    world.start_operator()
    go_on(world, rounds=5)
    world.close()
    run = world.server.get("agentruns", "r")
    assert run is not None
    world.recorder.befell(uid_of(run), TAKEN_OFF)
    world.server.update("agentruns", run, merged(run, {"metadata": {"finalizers": []}}))
    world.server.delete("agentruns", "r", propagation="Orphan")
    for _ in range(3):
        world.cluster_goes_on()
    assert phase(world) == "gone"
    assert world.nodes.alive != []


def test_a_job_without_its_run_is_deleted(world: World) -> None:
    lives_without_its_run(world)
    world.start_operator()
    go_on(world, rounds=30, pause=2)
    assert world.nodes.alive == []
    assert world.server.all("jobs") == []


def test_a_pod_without_job_and_run_is_stopped(world: World) -> None:
    lives_without_its_run(world)
    world.server.delete("jobs", "r", propagation="Orphan")
    for _ in range(3):
        world.cluster_goes_on()
    assert world.server.all("jobs") == []
    world.start_operator()
    go_on(world, rounds=30, pause=2)
    assert world.nodes.alive == []


def test_the_pod_of_an_earlier_run_is_stopped_although_a_run_of_its_name_has_ended(
    world: World,
) -> None:
    lives_without_its_run(world)
    create(world, cancel="interrupt")
    world.start_operator()
    go_on(world, rounds=30, pause=2)
    assert phase(world) == "Interrupted"
    assert world.nodes.alive == []


def test_the_job_and_log_of_a_deleted_run_stay_in_the_moment_of_its_success(world: World) -> None:
    """Its pod has succeeded and is not watched any more; the Job does not say so yet."""
    lives_without_its_run(world)
    succeed(world)
    notes = Notes()
    operator = world.start_operator()
    for _ in range(6):
        operator.deliver_all()
        while operator.kube.pending:
            notes(operator.take())
            world.loop.spin()
    assert notes.writes == []
    assert [name_of(job) for job in world.server.all("jobs")] == ["r"]


def test_the_job_of_a_new_run_is_not_deleted_for_that_of_an_old_one_of_its_name(
    world: World,
) -> None:
    """Two operators. One finds the old run gone; meanwhile the other makes the new one's Job."""
    create(world, thread="t")
    slow, quick = world.start_operator(), world.start_operator()
    for _ in range(5):
        work(world, slow)
        work(world, quick)
    fail(world)
    for _ in range(6):
        work(world, quick)
    world.server.delete("agentruns", "r")
    for _ in range(4):
        work(world, quick)
    assert (phase(world), world.server.all("jobs")) == ("gone", [])
    for request in slow.kube.pending:
        request.fail(TimeoutError())
    slow.kube.pending.clear()
    slow.deliver("agentruns")
    serve(world, slow, slow.take())
    create(world, thread="t")
    for _ in range(3):
        work(world, quick)
    assert phase(world) == "Running"
    (job,) = world.server.all("jobs")
    while slow.kube.pending:
        slow.deliver("jobs")
        slow.deliver("pods")
        serve(world, slow, slow.take())
    for _ in range(30):  # longer than its pod would take to stop
        work(world, quick)
    assert [uid_of(left) for left in world.server.all("jobs")] == [uid_of(job)]
    assert phase(world) == "Running"


def test_the_pod_of_a_deleted_run_stays_with_its_log_if_it_succeeded_unseen(
    world: World,
) -> None:
    """Two operators; the watch of pods of one is behind, and the record goes without its Job."""
    create(world, thread="t")
    slow, quick = world.start_operator(), world.start_operator()
    for _ in range(5):
        work(world, slow)
        work(world, quick)
    agents_finish(world)
    for _ in range(5):
        work(world, quick)
    assert phase(world) == "Succeeded"
    world.server.delete("agentruns", "r", propagation="Orphan")
    for _ in range(3):
        work(world, quick)
    for _ in range(3):
        for plural in ("agentruns", "agents", "jobs"):
            slow.deliver(plural)
        slow.turn()
    for _ in range(3):
        work(world, slow)
        work(world, quick)
    assert len(world.server.all("pods")) == 1


def test_a_job_with_our_labels_but_without_an_owner_is_left_alone(world: World) -> None:
    labels = {LABEL_MANAGED_BY: MANAGED_BY, LABEL_COMPONENT: COMPONENT_AGENT, LABEL_RUN: "r"}
    pod = {"metadata": {"labels": labels}, "spec": {"containers": [{"image": "x", "env": []}]}}
    job = {"metadata": {"name": "r", "labels": labels}, "spec": {"template": pod, "suspend": True}}
    world.server.create("jobs", job)
    create(world)
    world.start_operator()
    go_on(world, rounds=30)
    assert [name_of(left) for left in world.server.all("jobs")] == ["r"]
    assert phase(world) == "Pending"


def work(world: World, operator: OperatorProcess) -> None:
    operator.deliver_all()
    operator.turn()
    world.cluster_goes_on()
    world.loop.advance(1)


def serve(world: World, operator: OperatorProcess, request: Request) -> None:
    request.serve()
    world.loop.spin()
