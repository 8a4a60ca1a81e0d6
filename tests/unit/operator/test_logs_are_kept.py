"""A run's pod and its log show how the run ended: a stop must not delete them."""

import pytest

from simulated.world import World

from .simulated import agents_fail, create, go_on, phase

FOREIGN = {"name": "f"}  # an image without the runner: no exit code of it is final for the Job


@pytest.mark.parametrize("retries", [0, 3])
def test_a_run_that_timed_out_reads_as_timed_out_and_keeps_its_pod(
    world: World, retries: int
) -> None:
    create(world, agentRef=FOREIGN, retries=retries, timeoutSeconds=20)
    world.start_operator()
    go_on(world, rounds=70)
    assert (phase(world), len(world.server.all("pods"))) == ("TimedOut", 1)


@pytest.mark.parametrize("retries", [0, 3])
def test_an_interrupted_run_keeps_its_job_and_its_log(world: World, retries: int) -> None:
    create(world, agentRef=FOREIGN, retries=retries)
    world.start_operator()
    go_on(world, rounds=15)
    interrupt(world)
    assert phase(world) == "Interrupted"
    assert len(world.server.all("pods")) == len(world.server.all("jobs")) == 1


def test_an_interrupt_while_a_retry_waits_keeps_the_log_of_the_failure(world: World) -> None:
    create(world, agentRef=FOREIGN, retries=3)
    world.start_operator()
    go_on(world, rounds=15)
    agents_fail(world)
    go_on(world)
    interrupt(world)
    assert phase(world) == "Interrupted"
    assert len(world.server.all("pods")) == len(world.server.all("jobs")) == 1


def interrupt(world: World) -> None:
    world.server.patch("agentruns", "r", {"spec": {"cancel": "interrupt"}})
    go_on(world, rounds=30)


def test_the_backstop_does_not_end_an_evicted_run_before_its_time_is_over(world: World) -> None:
    create(world, timeoutSeconds=700)
    world.start_operator()
    go_on(world, rounds=10)
    go_on(world, rounds=68, pause=10)
    (pod,) = world.server.all("pods")
    world.nodes.evict(pod, "EvictionByEvictionAPI")
    go_on(world, rounds=20)
    assert phase(world) == "Running"
    go_on(world, rounds=90, pause=10)
    assert phase(world) == "TimedOut"
    assert [pod["status"]["reason"] for pod in world.server.all("pods")] == ["DeadlineExceeded"]


def test_a_run_whose_job_exceeds_its_deadline_has_timed_out(world: World) -> None:
    """The Job controller reports why a Job fails before its pods have ended."""
    create(world, timeoutSeconds=60, gracePeriodSeconds=20)
    world.start_operator()
    go_on(world, rounds=5)
    world.server.patch("jobs", "r", {"spec": {"activeDeadlineSeconds": 10}})
    go_on(world, rounds=40)
    assert phase(world) == "TimedOut"
