"""One tenant's many runs do not slow another's cancel, nor use up the operator's memory."""

from time import monotonic

import pytest

from .kubectl import wait_until
from .namespace import Namespace, agent_run
from .operators import DEPLOYED

# Below this a cancel is quick, whatever it took on the idle cluster: the kubelet's part varies so.
QUICK_SECONDS = 6.0
QUEUE, NAMELESS, LARGE = 100, 24, 8


def seconds_to_cancel(ns: Namespace) -> float:
    """From the patch to the status that says that no process of the run is alive."""
    run = ns.held_run(thread=None, hold=1)
    began = monotonic()
    run.cancel("interrupt")
    run.wait("Interrupted")
    return monotonic() - began


def waits_or_has_ended(ns: Namespace, name: str) -> None:
    def is_so(obj: dict[str, object]) -> bool:
        status = obj.get("status")
        return isinstance(status, dict) and bool(status.get("conditions"))

    wait_until(f"AgentRun {name}", "ar", ns.name, is_so, f"--field-selector=metadata.name={name}")


@pytest.mark.alone  # it compares times
def test_a_cancel_beside_a_crowd_takes_no_more_than_twice_its_time(
    ns: Namespace, other_ns: Namespace
) -> None:
    """Three kinds of load, in the other namespace."""
    restarts = DEPLOYED.restarts()
    idle = min(seconds_to_cancel(ns) for _ in range(2))
    holder = other_ns.held_run(thread="q", hold=1)
    queue = [
        agent_run(f"waits-{number}", "steps", thread="q", input={"steps": 1})
        for number in range(QUEUE)
    ]
    nameless = [agent_run(f"nameless-{n}", "no-such-agent") for n in range(NAMELESS)]
    lists: list[object] = [[] for _ in range(430_000)]
    large = [agent_run(f"large-{n}", "steps", input=lists) for n in range(LARGE)]
    for crowd in (queue, nameless):
        other_ns.create(*crowd)
    for one in large:
        other_ns.create(one)
    beside = seconds_to_cancel(ns)
    assert beside <= max(2 * idle, QUICK_SECONDS)
    waits_or_has_ended(other_ns, f"waits-{QUEUE - 1}")
    for number in range(LARGE):
        failed = other_ns.existing_run(f"large-{number}").wait("Failed")
        assert failed["status"]["conditions"][-1]["reason"] == "InputTooLarge"
    holder.cancel("interrupt")
    other_ns.existing_run("waits-0").wait("Succeeded")
    assert seconds_to_cancel(ns) <= max(2 * idle, QUICK_SECONDS)
    assert DEPLOYED.restarts() == restarts
