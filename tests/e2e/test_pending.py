"""Cancel of a run that has not begun: it ends in seconds, and never begins."""

import pytest

from . import deployment
from .kubectl import Object, wait_until
from .namespace import Namespace, agent, claim
from .run import Run, condition, time

SECONDS = 10
# Obstacle to a run's start -> the reason that it waits for, and its Agent's fields.
OBSTACLES: dict[str, tuple[str, Object | None]] = {
    "no-image": ("ImagePullFailed", {"image": "localhost/no-such-image:1"}),
    "no-room": ("Unschedulable", {"resources": {"requests": {"cpu": "1000"}}}),
    "no-claim": ("ClaimNotFound", {"store": {"claimName": "later"}}),
    "no-agent": ("AgentNotFound", None),
}
CANCELS = pytest.mark.parametrize("action", ["interrupt", "rollback"])


@CANCELS
def test_a_pending_run_that_is_cancelled_ends_in_seconds_and_leaves_nothing(
    ns: Namespace, action: str
) -> None:
    """Failure mode 4."""
    for name, (_, spec) in OBSTACLES.items():
        if spec is not None:
            ns.create(agent(name, graph="steps:graph", **spec))
    runs = {name: ns.run(name, name, thread=name, input={"steps": 1}) for name in OBSTACLES}
    for name, (reason, _) in OBSTACLES.items():
        runs[name].wait_waiting(reason)
    for run in runs.values():
        run.cancel(action)
        expect_never_started(run, action)
        assert run.pods() == []
        assert run.job() is None
    remove_obstacles(ns)
    jobs = deployment.created(ns.name, "jobs")
    # Without the obstacles the next runs of their threads begin, but they themselves never do.
    following = [ns.run(name, thread=name, input={"steps": 1}) for name in OBSTACLES]
    for run in following:
        run.wait("Succeeded")
    assert deployment.created(ns.name, "jobs") == jobs + len(OBSTACLES)
    assert [run.pods() for run in runs.values()] == [[]] * len(OBSTACLES)


def remove_obstacles(ns: Namespace) -> None:
    """Remove all obstacles."""
    ns.create(claim("later"))
    for name, (_, spec) in OBSTACLES.items():
        fixed = agent(name, graph="steps:graph", store={"claimName": "later"})
        if spec is None:
            ns.create(fixed)
        else:
            ns.replace(fixed)


def expect_never_started(run: Run, action: str) -> None:
    if action == "rollback":
        run.wait_gone(seconds=SECONDS)
        return
    done = run.wait("Interrupted", seconds=SECONDS)
    status = done["status"]
    assert "startedAt" not in status
    assert "signalledAt" not in status["cancel"], "nothing was there to be signalled"
    assert condition(done, "Started") == ("False", "NeverStarted")
    asked, ended = time(status["cancel"]["requestedAt"]), time(status["finishedAt"])
    assert (ended - asked).seconds < SECONDS


@CANCELS
def test_a_run_that_waits_for_its_thread_is_cancelled_without_a_job(
    ns: Namespace, action: str
) -> None:
    """Failure modes 1 and 64."""
    first = ns.held_run(thread="t", hold=1)
    queued = ns.run("steps", thread="t", input={"steps": 1})
    queued.wait_waiting("ThreadBusy")
    queued.cancel(action)
    expect_never_started(queued, action)
    assert first.status["phase"] == "Running", "the run ahead must not notice"
    first.open_gate()
    first.wait("Succeeded")
    assert deployment.created(ns.name, "jobs") == 1


@pytest.mark.parametrize("moment", ["Job made", "pod scheduled"])
def test_a_run_that_is_cancelled_on_its_way_to_the_first_step_leaves_nothing_alive(
    ns: Namespace, moment: str
) -> None:
    """Failure mode 2. Whichever side wins the race, the end is final and true."""
    run = ns.run("steps", thread="t", input={"steps": 2}, config={"configurable": {"hold": 2}})
    mine = f"--selector=agentrun.dev/run-uid={run.uid}"
    if moment == "Job made":
        wait_until("the Job", "jobs", ns.name, lambda _: True, mine)
    else:
        wait_until("a pod", "pods", ns.name, lambda pod: "nodeName" in pod["spec"], mine)
    run.cancel("interrupt")
    run.wait("Interrupted", seconds=15)  # half the grace period: the operator must not wait for it
    assert run.processes() == []
    assert all(pod["status"]["phase"] == "Failed" for pod in run.pods())
    ns.run("steps", thread="t", input={"steps": 1}).wait("Succeeded")
    assert run.processes() == []
    assert deployment.created(ns.name, "jobs") == 2
