"""One live run per thread: two pods never write one thread."""

from datetime import datetime
from itertools import pairwise

from .kubectl import Object
from .namespace import Namespace, agent_run
from .run import Run, time


def lifetime(run: Run) -> tuple[datetime, datetime]:
    """Start and end of the container of the run's pod, from the kubelet (whole seconds)."""
    (status,) = run.pod()["status"]["containerStatuses"]
    ended: Object = status["state"]["terminated"]
    return time(ended["startedAt"]), time(ended["finishedAt"])


def test_runs_of_a_thread_run_one_after_the_other_as_created(ns: Namespace) -> None:
    first = ns.held_run(thread="t", hold=1, input={"steps": 2})
    # The names sort in reverse: only the creation may count.
    second = ns.run("steps", "zzz", thread="t", input={"steps": 4})
    said = second.wait_waiting("ThreadBusy")
    assert "Thread t" in said
    assert first.name in said
    third = ns.run("steps", "aaa", thread="t", input={"steps": 6})
    third.wait_waiting("ThreadBusy")
    assert second.pods() == third.pods() == []
    first.open_gate()
    outputs = [run.wait("Succeeded")["status"]["output"] for run in (first, second, third)]
    assert [output["done"] for output in outputs] == [
        [1, 2],
        [1, 2, 3, 4],
        [1, 2, 3, 4, 5, 6],
    ]
    assert lifetime(first)[1] <= lifetime(second)[0]
    assert lifetime(second)[1] <= lifetime(third)[0]
    assert ns.store().segments("threads/t") == [first.uid, second.uid, third.uid]


def test_runs_that_one_command_creates_take_turns_in_its_order(ns: Namespace) -> None:
    """The API server may give them equal creation times, and their names sort in reverse."""
    names = ["d", "c", "b", "a"]
    # Out of order, a run would find more steps done than its input requests, and do one more.
    manifests = [
        agent_run(name, "steps", thread="t", input={"steps": number})
        for number, name in enumerate(names, 1)
    ]
    ns.apply(*manifests)
    runs = [ns.existing_run(name) for name in names]
    for number, run in enumerate(runs, 1):
        output = run.wait("Succeeded")["status"]["output"]
        assert output["done"] == list(range(1, number + 1))
    for ahead, behind in pairwise(runs):
        assert lifetime(ahead)[1] <= lifetime(behind)[0]
    assert ns.store().segments("threads/t") == [run.uid for run in runs]


def test_a_cancelled_run_in_the_queue_is_skipped(ns: Namespace) -> None:
    first = ns.held_run(thread="t", hold=1, input={"steps": 1})
    second = ns.run("steps", thread="t", input={"steps": 2})
    third = ns.run("steps", thread="t", input={"steps": 3})
    second.wait_waiting("ThreadBusy")
    second.cancel("interrupt")
    second.wait("Interrupted", seconds=10)
    third.wait_waiting("ThreadBusy")
    first.open_gate()
    assert third.wait("Succeeded")["status"]["output"]["done"] == [1, 2, 3]
    assert ns.store().segments("threads/t") == [first.uid, third.uid]


def test_a_long_queue_goes_in_order_past_one_that_is_cancelled(ns: Namespace) -> None:
    first = ns.held_run(thread="t", hold=1, input={"steps": 1})
    # Out of order, a run would find more steps done than its input requests, and do one more.
    queue = [ns.run("steps", f"q{n}", thread="t", input={"steps": n}) for n in range(2, 8)]
    for run in queue:
        run.wait_waiting("ThreadBusy")
    cancelled = queue.pop(2)
    cancelled.cancel("interrupt")
    cancelled.wait("Interrupted", seconds=10)
    first.open_gate()
    for run in queue:
        steps = int(run.name.removeprefix("q"))
        done = run.wait("Succeeded")["status"]["output"]["done"]
        assert done == list(range(1, steps + 1))
    for ahead, behind in pairwise([first, *queue]):
        assert lifetime(ahead)[1] <= lifetime(behind)[0]
    assert ns.store().segments("threads/t") == [run.uid for run in (first, *queue)]
    assert cancelled.pods() == []


def test_the_next_run_starts_only_when_no_process_of_the_run_ahead_is_alive(ns: Namespace) -> None:
    """Failure mode 60."""
    first = ns.run("ignores-sigterm", thread="t", input={}, gracePeriodSeconds=3)
    first.wait_step(1)
    second = ns.run("echoes", thread="t", input={"text": "next"})
    second.wait_waiting("ThreadBusy")
    first.cancel("interrupt")
    first.wait("Cancelling")
    assert second.pods() == []
    second.wait("Succeeded")
    assert lifetime(first)[1] <= lifetime(second)[0]


def test_the_next_run_starts_only_when_the_store_is_clean(ns: Namespace) -> None:
    first = ns.held_run(thread="t", hold=3)
    second = ns.run("steps", thread="t", input={"steps": 2})
    second.wait_waiting("ThreadBusy")
    first.cancel("rollback")
    assert second.wait("Succeeded")["status"]["output"]["done"] == [1, 2]
    begun = [line["step"] for line in second.log() if line["event"] == "begin"]
    assert begun == [1, 2], "nothing of the run that was rolled back may be seen"


def test_threads_do_not_wait_for_each_other(ns: Namespace) -> None:
    held = [ns.held_run(thread=name, hold=1) for name in ("a", "b", "A")]
    nameless = ns.held_run(thread=None, hold=1)
    assert [run.status["phase"] for run in (*held, nameless)] == ["Running"] * 4
