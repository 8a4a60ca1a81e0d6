"""The Job and pods of a finished run are not watched, and nothing is lost or late by that.

On the simulated cluster of ``make chaos``, mostly in the second between the end of a pod and the
Job controller's update of the Job.
"""

import pytest

from agentrun_kube.client.kube import ApiError
from agentrun_kube.names import LABEL_FINISHED
from agentrun_operator.state.watched import WATCHED
from objects import Object, label, name_of, phase_of
from simulated.agents import checkpoint
from simulated.container import Exit
from simulated.kube import Request
from simulated.operator import OperatorProcess
from simulated.world import World

from .simulated import Notes, agents_finish, cleanups_finish, create, go_on, phase


def work(world: World, operator: OperatorProcess, notes: Notes) -> None:
    """Serve all requests of the operator while nothing else in the cluster happens."""
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


def watched(world: World, plural: str) -> list[str]:
    return [name_of(obj) for obj in world.server.select(plural, WATCHED[plural].selectors)]


def unwatch(world: World) -> list[str]:
    left = world.server.all("jobs") + world.server.all("pods")
    return [name_of(obj) for obj in left if label(obj, LABEL_FINISHED)]


def expect_nothing_watched(world: World) -> None:
    """Job and pods are there, with their log, and cost nothing."""
    assert world.server.all("jobs") != []
    assert world.server.all("pods") != []
    assert (watched(world, "jobs"), watched(world, "pods")) == ([], [])


def fail(world: World) -> None:
    for container in world.nodes.alive:
        container.exit = Exit(1)


@pytest.mark.parametrize("git", [{}, {"argocd.argoproj.io/tracking-id": "app:x"}])
@pytest.mark.parametrize("cancel", ["interrupt", "rollback"])
@pytest.mark.parametrize(
    "spec", [{}, {"ttlSecondsAfterFinished": 1 << 30}, {"reclaimPolicy": "Delete"}]
)
def test_the_job_of_a_cancelled_run_leaves_the_watch(
    world: World, cancel: str, spec: Object, git: Object
) -> None:
    create(world, **spec)
    world.server.patch("agentruns", "r", {"metadata": {"annotations": git}})
    world.start_operator()
    go_on(world, rounds=5)
    world.server.patch("agentruns", "r", {"spec": {"cancel": cancel}})
    for _ in range(5):
        go_on(world, rounds=3)
        agents_finish(world)
        cleanups_finish(world)
    if cancel == "rollback" and not git:
        assert phase(world) == "gone"
        assert world.server.all("jobs") == []
    else:
        assert phase(world) == {"interrupt": "Interrupted", "rollback": "RolledBack"}[cancel]
        expect_nothing_watched(world)
    assert world.judge.violations == []


def test_the_pods_of_a_run_that_failed_repeatedly_leave_the_watch(world: World) -> None:
    create(world, retries=2)
    world.start_operator()
    for _ in range(6):
        go_on(world, rounds=10, pause=10)
        fail(world)
    assert phase(world) == "Failed"
    assert len(world.server.all("pods")) == 3
    expect_nothing_watched(world)


def test_a_pod_that_failed_before_the_run_succeeded_leaves_the_watch(world: World) -> None:
    create(world, retries=2)
    world.start_operator()
    go_on(world, rounds=10, pause=10)
    fail(world)
    go_on(world, rounds=10, pause=10)
    agents_finish(world)
    go_on(world, rounds=10)
    assert phase(world) == "Succeeded"
    assert len(world.server.all("pods")) == 2
    expect_nothing_watched(world)
    (failed,) = [pod for pod in world.server.all("pods") if phase_of(pod) == "Failed"]
    assert unwatch(world) == [name_of(failed)], "the others have succeeded"


def test_a_restart_after_the_end_still_takes_the_job_off_the_watch(world: World) -> None:
    """The last status is written, and the operator dies before it labels the Job as finished."""
    create(world)
    world.start_operator()
    go_on(world, rounds=5)
    fail(world)
    notes = Notes()
    while phase(world) != "Failed":
        go_on(world, notes)
    world.close()
    assert watched(world, "jobs") == ["r"]
    assert watched(world, "agentruns") == []
    world.cluster_goes_on()
    world.start_operator()
    go_on(world, rounds=5)
    expect_nothing_watched(world)


def test_a_job_stays_on_the_watch_while_its_run_is_retried(world: World) -> None:
    create(world, retries=1)
    world.start_operator()
    go_on(world, rounds=5)
    fail(world)
    go_on(world, rounds=30)
    assert phase(world) == "Running"
    assert unwatch(world) == []


def test_a_cancel_in_the_moment_of_success_keeps_job_and_log(world: World) -> None:
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


def test_a_full_read_in_the_moment_of_success_keeps_job_and_log(world: World) -> None:
    notes = Notes()
    create(world)
    operator = world.start_operator()
    go_on(world, notes, rounds=15)
    succeed(world)
    for _ in range(4):
        operator.deliver_all()
        work(world, operator, notes)
    reading = world.loop.create_task(operator.controller.intake.sync())
    world.loop.spin()
    work(world, operator, notes)
    assert reading.done()
    expect_log_kept(world, notes)


def test_a_restart_in_the_moment_of_success_keeps_job_and_log(world: World) -> None:
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


def test_a_watch_that_restarts_in_the_moment_of_success_does_not_delay_the_end(
    world: World,
) -> None:
    """410 Gone, and the pod is not in the list that follows."""
    create(world)
    operator = world.start_operator()
    go_on(world, rounds=20)
    agents_finish(world)
    world.kubelets_go_on()
    operator.lose("pods")
    go_on(world, rounds=10)
    assert phase(world) == "Succeeded"


def test_a_run_fails_within_3_seconds_of_its_pod(world: World) -> None:
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


def test_after_a_restart_a_run_is_cleaned_once_more_by_a_job_of_the_new_process(
    world: World,
) -> None:
    """Any user may forge a clean-up Job: an operator trusts only those that it created itself."""
    clean_up_runs(world)
    jobs = {name_of(job) for job in world.server.all("jobs")}
    world.close()
    cleanups_finish(world)
    world.kubelets_go_on()
    world.start_operator()
    for _ in range(12):
        go_on(world)
        assert reason_not_clean(world.server.get("agentruns", "r")) != "CleanupFailed"
    assert len({name_of(job) for job in world.server.all("jobs")} - jobs) == 1
    cleanups_finish(world)
    go_on(world, rounds=5)
    assert phase(world) == "gone"


def test_a_refused_read_of_a_clean_ups_pod_does_not_lose_its_report(world: World) -> None:
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
