"""What is waited for: conditions on watch events, for `Watch.until`."""

from collections.abc import Callable

from bench.api import MeasurementError, Object

Reached = Callable[[str, Object], bool]
FINAL = ("Succeeded", "Failed", "TimedOut", "Interrupted", "RolledBack")


def phase_is(wanted: str) -> Reached:
    """Of a run or a pod. Another final phase ends the waiting with a MeasurementError."""

    def reached(event: str, obj: Object) -> bool:
        phase = obj.get("status", {}).get("phase")
        if phase != wanted and (phase in FINAL or event == "DELETED"):
            name = obj["metadata"]["name"]
            raise MeasurementError(f"{name} should become {wanted}, but: {event} {obj['status']}")
        return bool(phase == wanted)

    return reached


def agent_runs(event: str, pod: Object) -> bool:
    """The container of the agent is running."""
    containers = pod.get("status", {}).get("containerStatuses") or []
    return any(c["name"] == "agent" and "running" in c["state"] for c in containers)


def complete(event: str, job: Object) -> bool:
    """The Job has succeeded."""
    conditions = job.get("status", {}).get("conditions") or []
    return any(c["type"] == "Complete" and c["status"] == "True" for c in conditions)


def let_go(event: str, obj: Object) -> bool:
    """The operator does not watch the Job or pod of a finished run any more."""
    return "agentrun.dev/finished" in obj["metadata"]["labels"]


def deleted(event: str, obj: Object) -> bool:
    """The object is gone."""
    return event == "DELETED"


def all_deleted(count: int, names: tuple[str, ...] = ("",)) -> Reached:
    """`count` objects whose names begin so have been there, and all of them are gone."""
    there: set[str] = set()
    gone: set[str] = set()

    def reached(event: str, obj: Object) -> bool:
        if not obj["metadata"]["name"].startswith(names):
            return False
        there.add(obj["metadata"]["uid"])
        if event == "DELETED":
            gone.add(obj["metadata"]["uid"])
        return len(there) >= count and there == gone

    return reached
