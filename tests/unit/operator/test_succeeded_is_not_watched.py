"""Jobs and pods that have succeeded are not watched, and nothing is lost or late because of that.

On the simulated cluster of ``make chaos``, in the second between the end of a pod and the Job
controller's word on it.
"""

from agentrun_operator.kube import ApiError
from chaos.layer1.agents import checkpoint
from chaos.layer1.container import Exit
from chaos.layer1.kube import Request
from chaos.layer1.objects import Object, name_of, phase_of
from chaos.layer1.operator import OperatorProcess
from chaos.layer1.world import World

from .simulated import Notes, agents_finish, cleanups_finish, create, go_on, phase


def work(world: World, operator: OperatorProcess, notes: Notes) -> None:
    """Serve all that the operator asks for, while the cluster stands still."""
    while operator.kube.pending:
        notes(operator.take())
        world.loop.spin()


def succeed(world: World) -> None:
    """The kubelet reports that the agent's pod has succeeded; the Job controller is behind."""
    agents_finish(world)
    world.kubelets_go_on()
    assert [phase_of(pod) for pod in world.server.all("pods")] == ["Succeeded"]


def expect_log_kept(world: World, notes: Notes) -> None:
    assert phase(world) == "Succeeded"
    assert [write for write in notes.writes if write.startswith("delete")] == []


def test_a_cancel_in_the_moment_of_success_deletes_job_and_log(world: World) -> None:
    notes = Notes()
    create(world)
    operator = world.start_operator()
    go_on(world, notes, rounds=5)
    succeed(world)
    world.server.patch("agentruns", "r", {"spec": {"cancel": "interrupt"}})
    for _ in range(3):
        operator.deliver("agentruns")  # the watch of pods is behind
        work(world, operator, notes)
    operator.deliver_all()
    work(world, operator, notes)
    expect_log_kept(world, notes)


def test_a_full_read_in_the_moment_of_success_deletes_job_and_log(world: World) -> None:
    notes = Notes()
    create(world)
    operator = world.start_operator()
    go_on(world, notes, rounds=15)
    succeed(world)
    for _ in range(4):
        operator.deliver_all()
        work(world, operator, notes)
    reading = world.loop.create_task(operator.controller.sync())
    world.loop.spin()
    work(world, operator, notes)
    assert reading.done()
    expect_log_kept(world, notes)


def test_a_restart_in_the_moment_of_success_deletes_job_and_log(world: World) -> None:
    notes = Notes()
    create(world)
    world.start_operator()
    go_on(world, notes, rounds=5)
    world.close()
    succeed(world)
    operator = world.start_operator()
    for _ in range(6):
        operator.deliver_all()
        work(world, operator, notes)
    go_on(world, notes, rounds=5)
    expect_log_kept(world, notes)


def test_a_watch_that_begins_anew_in_the_moment_of_success_makes_the_end_late(world: World) -> None:
    """410 Gone, and the pod is not in the list that follows."""
    create(world)
    operator = world.start_operator()
    go_on(world, rounds=20)
    agents_finish(world)
    world.kubelets_go_on()
    operator.lose("pods")
    go_on(world, rounds=10)
    assert phase(world) == "Succeeded"


def test_the_end_of_a_pod_that_failed_waits_for_nothing(world: World) -> None:
    create(world)
    world.start_operator()
    go_on(world, rounds=20)
    (container,) = world.nodes.alive
    container.exit = Exit(2)
    go_on(world, rounds=3)
    assert phase(world) == "Failed"


def clean_up_runs(world: World) -> None:
    """A run is rolled back, and its clean-up Job's pod runs."""
    create(world, thread="t")
    world.start_operator()
    go_on(world, rounds=5)
    for container in world.nodes.alive:
        checkpoint(world, container)
    world.server.patch("agentruns", "r", {"spec": {"cancel": "rollback"}})
    go_on(world, rounds=2)
    agents_finish(world)
    for _ in range(8):
        go_on(world)
        if any(not container.is_agent for container in world.nodes.alive):
            return
    raise AssertionError("no clean-up was made")


def reason_not_clean(run: Object | None) -> str:
    conditions = run["status"]["conditions"] if run else []
    return str(next((c["reason"] for c in conditions if c["type"] == "RolledBack"), ""))


def test_a_restart_in_the_moment_of_a_clean_ups_success_loses_its_report(world: World) -> None:
    clean_up_runs(world)
    jobs = {name_of(job) for job in world.server.all("jobs")}
    world.close()
    cleanups_finish(world)
    world.kubelets_go_on()
    world.start_operator()
    for _ in range(12):
        go_on(world)
        assert reason_not_clean(world.server.get("agentruns", "r")) != "CleanupFailed"
        assert {name_of(job) for job in world.server.all("jobs")} <= jobs, "a second clean-up"
    assert phase(world) == "gone"


def test_a_refused_look_at_a_clean_ups_pod_loses_its_report(world: World) -> None:
    clean_up_runs(world)
    cleanups_finish(world)
    refused: list[str] = []

    def serve(request: Request) -> None:
        if request.text.startswith("get pods/agentrun-cleanup") and len(refused) < 4:
            refused.append(request.text)
            request.fail(ApiError(429, "busy", {}))
        else:
            request.serve()

    for _ in range(12):
        go_on(world, serve, pause=0.5)
        assert reason_not_clean(world.server.get("agentruns", "r")) != "CleanupFailed"
    assert refused
    assert phase(world) == "gone"
