"""The operator stops and starts again: runs do not notice, and it misses no event."""

from contextlib import ExitStack
from datetime import timedelta

from . import deployment
from .kubectl import Object, kubectl, wait_until, watch
from .namespace import Namespace, foreign_job
from .operators import Operator
from .quota import no_more
from .run import condition, time


def test_the_operator_ends_within_seconds_and_leaves_runs_as_they_are(
    ns: Namespace, operator: Operator
) -> None:
    """Failure modes 25, 38 and 39."""
    ns.create(foreign_job("foreign"))
    run = ns.held_run()
    before = run.pod()
    written = deployment.writes(ns.name)
    name = operator.leader()["metadata"]["name"]
    seen = watch("pods", deployment.NAMESPACE, f"--field-selector=metadata.name={name}")
    next(seen)
    kubectl("delete", "pod", name, "-n", deployment.NAMESPACE, "--wait=false")
    last: Object = {}
    for event, pod in seen:
        if event == "DELETED":
            last = pod
            break
    ended = last["status"]["containerStatuses"][0]["state"]["terminated"]
    assert ended["exitCode"] == 0, ended
    grace = timedelta(seconds=last["metadata"]["deletionGracePeriodSeconds"])
    asked = time(last["metadata"]["deletionTimestamp"]) - grace
    assert time(ended["finishedAt"]) - asked <= timedelta(seconds=5)
    operator.start()
    # Once a run that was created later has ended, the new leader has seen all older objects.
    ns.run("nobody", "marker", cancel="interrupt").wait("Interrupted")
    more = deployment.writes(ns.name)[len(written) :]
    assert [write for write in more if "marker" not in write] == []
    assert run.pod()["metadata"]["uid"] == before["metadata"]["uid"]
    assert run.pod()["status"]["containerStatuses"] == before["status"]["containerStatuses"]
    run.open_gate()
    assert run.wait("Succeeded")["status"]["output"]["done"] == [1, 2, 3, 4]
    reasons = [reason for reason, _ in run.events(until="Succeeded")]
    assert reasons == ["AgentStarted", "Succeeded"], "no Event may be written twice"


def test_the_operator_does_what_it_missed_when_it_is_back(
    ns: Namespace, operator: Operator
) -> None:
    """Failure modes 36 and 67."""
    interrupted = ns.held_run(thread="a")
    rolled_back = ns.held_run(thread="b")
    completed = ns.held_run(thread="c")
    deleted = ns.held_run(thread="d")
    with operator.down():
        interrupted.cancel("interrupt")
        rolled_back.cancel("rollback")
        completed.open_gate()
        deleted.delete()
        born = ns.run("steps", thread="e", input={"steps": 1})
        born_cancelled = ns.run("steps", thread="f", cancel="interrupt")
    done = interrupted.wait("Interrupted")
    assert condition(done, "Finished") == ("True", "Interrupted")
    rolled_back.wait_gone()
    deleted.wait_gone()
    completed.wait("Succeeded")
    born.wait("Succeeded")
    born_cancelled.wait("Interrupted")
    for run in (interrupted, rolled_back, completed, deleted, born, born_cancelled):
        assert run.processes() == []
    assert ns.store().segments("threads/b") == []


def test_a_rollback_is_completed_although_the_operator_is_killed_in_its_middle(
    ns: Namespace, operator: Operator
) -> None:
    """Failure modes 37 and 67."""
    run = ns.run("ignores-sigterm", thread="t", input={}, gracePeriodSeconds=3)
    run.wait_step(1)
    run.cancel("rollback")
    run.wait("Cancelling")
    name = operator.leader()["metadata"]["name"]
    kubectl("delete", "pod", name, "-n", deployment.NAMESPACE, "--grace-period=0", "--force")
    operator.start()
    run.wait_gone()
    assert run.processes() == []
    assert ns.store().segments("threads/t") == []
    reasons = [reason for reason, _ in run.events(until="RolledBack")]
    assert reasons == ["AgentStarted", "Cancelling", "RolledBack"]


def test_a_clean_up_that_ended_without_an_operator_is_repeated_once_and_counts_the_same(
    ns: Namespace, operator: Operator
) -> None:
    """Failure modes 32 and 37. The operator trusts only the report of a Job that it has made."""
    run = ns.held_run()
    written = len(ns.store().checkpoints_of("threads/t", run.uid))
    cleanup = "--selector=app.kubernetes.io/component=cleanup"
    with ExitStack() as stack:
        with no_more(ns, "pods"):
            run.cancel("rollback")
            wait_until("there is a clean-up", "jobs", ns.name, bool, cleanup)
            stack.enter_context(operator.down())
        kubectl("wait", "job", "-n", ns.name, cleanup, "--for=condition=Complete", "--timeout=60s")
        assert ns.store().segments("threads/t") == []
        assert run.status["phase"] == "Cancelling", "no operator has written a later phase"
    run.wait_gone()
    assert run.processes() == []
    told = [text for reason, text in run.events(until="RolledBack") if reason == "RolledBack"]
    assert told == [f"The run was rolled back: {written} checkpoints deleted."]
    assert deployment.created(ns.name, "jobs") == 3, "one to run, two to clean"
