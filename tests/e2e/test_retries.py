"""spec.retries: a failed agent resumes from its last checkpoint; a cancelled one never."""

from .deployment import created
from .namespace import Namespace
from .run import condition


def test_a_retry_resumes_from_the_last_checkpoint_in_another_pod(ns: Namespace) -> None:
    run = ns.run("fails-at-first", thread="t", input={"done": []}, retries=1)
    status = run.wait("Succeeded", seconds=60)["status"]
    assert status["attempts"] == 2
    first, second = sorted(run.pods(), key=lambda pod: pod["metadata"]["creationTimestamp"])
    names = [first["metadata"]["name"]] * 2 + [second["metadata"]["name"]] * 2
    assert status["output"]["done"] == [f"{n} in {name}" for n, name in enumerate(names, 1)]
    assert status["checkpoint"]["count"] == len(ns.store().checkpoints_of("threads/t", run.uid))


def test_without_retries_the_first_failure_is_the_end(ns: Namespace) -> None:
    run = ns.run("fails-at-first", thread="t", input={"done": []})
    failed = run.wait("Failed")
    assert condition(failed, "Finished") == ("True", "AgentFailed")
    assert created(ns.name, "pods") == 1


def test_a_failure_that_no_retry_can_fix_is_not_retried(ns: Namespace) -> None:
    run = ns.run("cannot-be-imported", thread="t", input={}, retries=3)
    failed = run.wait("Failed")
    assert condition(failed, "Finished") == ("True", "GraphImportFailed")
    assert len(run.pods()) == 1


def test_a_cancel_between_two_pods_is_the_end_of_the_retries(ns: Namespace) -> None:
    """Failure mode 24."""
    run = ns.run("raises", thread="t", input={}, retries=5)
    run.wait_waiting("Retrying")
    run.cancel("interrupt")
    done = run.wait_until(
        "has ended", lambda obj: condition(obj, "Finished") is not None, seconds=20
    )
    assert done["status"]["phase"] in ("Interrupted", "Failed")
    assert run.processes() == []
    pods = len(run.pods())
    ns.run("echoes", thread="t", input={"text": "x"}).wait("Succeeded")
    assert len(run.pods()) == pods
