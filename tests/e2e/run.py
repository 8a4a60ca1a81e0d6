"""One AgentRun of a test: its writes, its state, and waits for it."""

import json
from collections.abc import Callable, Iterator
from datetime import datetime
from typing import Any

from . import api, node
from .kubectl import (
    PATIENCE,
    KubectlError,
    Object,
    delete,
    get,
    get_all,
    kubectl,
    log,
    patch,
)
from .kubectl import wait_gone as wait_object_gone
from .kubectl import wait_until as wait_object

FINAL = ("Succeeded", "Failed", "TimedOut", "Interrupted", "RolledBack")


class Run:
    """An AgentRun that exists."""

    def __init__(self, namespace: str, obj: Object) -> None:
        self.namespace = namespace
        self.name: str = obj["metadata"]["name"]
        self.uid: str = obj["metadata"]["uid"]
        self.thread: str | None = obj["spec"].get("thread")

    # Writes

    def cancel(self, action: str, reason: str | None = None) -> None:
        """Raises KubectlError with the API server's message."""
        spec = {"cancel": action} | ({"cancelReason": reason} if reason else {})
        self.patch({"spec": spec})

    def patch(self, change: Object, *options: str) -> None:
        """Merge the change into the run. Raises KubectlError with the API server's message.

        ``options`` are kubectl's, such as --as=jane.
        """
        if options:
            text = f"--patch={json.dumps(change)}"
            kubectl("patch", "ar", self.name, *self._ns, "--type=merge", text, *options)
        else:
            patch("ar", self.namespace, self.name, change)

    def delete(self) -> None:
        """Delete the run, without waiting for its end."""
        delete("ar", self.namespace, self.name)

    def evict(self, pod: str) -> None:
        """Evict a pod through the API, as a drain does."""
        eviction = {
            "apiVersion": "policy/v1",
            "kind": "Eviction",
            "metadata": {"name": pod, "namespace": self.namespace},
        }
        path = f"/api/v1/namespaces/{self.namespace}/pods/{pod}/eviction"
        kubectl("create", "--raw", path, "-f-", stdin=json.dumps(eviction))

    def open_gate(self) -> None:
        """Open the gate at which an agent with `hold` waits."""
        node.open_gate(self.uid)

    # State

    def get(self) -> Object:
        obj = self.get_if_there()
        assert obj is not None, f"AgentRun {self.name} is gone"
        return obj

    def get_if_there(self) -> Object | None:
        return get("ar", self.namespace, self.name)

    @property
    def status(self) -> Object:
        status: Object = self.get().get("status", {})
        return status

    def job(self) -> Object | None:
        return get("job", self.namespace, self.name)

    def pods(self) -> list[Object]:
        return get_all("pods", self.namespace, f"agentrun.dev/run-uid={self.uid}")

    def pod(self) -> Object:
        (pod,) = self.pods()
        return pod

    def processes(self) -> list[int]:
        return node.processes(self.uid)

    def events(self, until: str | None = None) -> list[tuple[str, str]]:
        """Reason and message of the Events on the run, oldest first.

        The operator writes an Event a moment after the status: with ``until``, a reason, wait for
        that Event.
        """
        selector = f"--field-selector=involvedObject.uid={self.uid}"
        if until is not None:
            what = f"AgentRun {self.name}: Event {until}"
            wait_object(
                what, "events", self.namespace, lambda e: bool(e["reason"] == until), selector
            )
        found: list[Object] = api.get_all("events", self.namespace, selector)["items"]
        # Their times are whole seconds. The operator writes an Event once: order by version.
        found.sort(key=lambda event: int(event["metadata"]["resourceVersion"]))
        return [(event["reason"], event["message"]) for event in found]

    def log(self) -> list[Object]:
        """The JSON lines of the log of the run's pod; the runner puts empty ones between."""
        text = log(self.namespace, self.pod()["metadata"]["name"], "agent")
        lines = [line for line in text.splitlines() if line]
        others = [line for line in lines if not line.startswith("{")]
        assert not others, f"the log of {self.name} has lines that are no JSON: {others}"
        return [json.loads(line) for line in lines]

    def exec(self, *command: str) -> str:
        pod = self.pod()["metadata"]["name"]
        return kubectl("exec", *self._ns, pod, "-c", "agent", "--", *command)

    # Waits

    def wait(self, phase: str, seconds: float = PATIENCE) -> Object:
        """Wait for the phase; fails at once if the run ends in another one."""

        def reached(obj: Object) -> bool:
            now = obj.get("status", {}).get("phase")
            if now in FINAL and now != phase:
                raise AssertionError(f"{self.name} is {now}, not {phase}: {obj['status']}")
            return bool(now == phase)

        return self.wait_until(phase, reached, seconds)

    def wait_waiting(self, reason: str, seconds: float = PATIENCE) -> str:
        """Wait until the run waits for this reason. Returns its condition Started's message."""
        obj = self.wait_until(
            f"waits, {reason}", lambda obj: condition(obj, "Started") == ("False", reason), seconds
        )
        return message(obj, "Started")

    def wait_until(
        self, what: str, is_so: Callable[[Object], bool], seconds: float = PATIENCE
    ) -> Object:
        """Watch the run until the condition is true."""
        selector = f"--field-selector=metadata.name={self.name}"
        what = f"AgentRun {self.name}: {what}"
        return wait_object(what, "ar", self.namespace, is_so, selector, seconds=seconds)

    def wait_pod_ended(self) -> Object:
        """Wait until all containers of the run's only pod have ended. Returns the pod."""
        selector = f"--selector=agentrun.dev/run-uid={self.uid}"
        what = f"AgentRun {self.name}: its pod has ended"

        def ended(pod: Object) -> bool:
            return pod["status"].get("phase") in ("Succeeded", "Failed")

        return wait_object(what, "pods", self.namespace, ended, selector)

    def wait_gone(self, seconds: float = PATIENCE) -> None:
        """Wait until the AgentRun no longer exists. Raises KubectlError."""
        wait_object_gone("ar", self.namespace, self.name, seconds)

    def wait_log(self, **wanted: Any) -> Object:
        """Follow the log of the running agent until it has a line with these values."""
        for line in self.follow():
            if all(line.get(key) == value for key, value in wanted.items()):
                return line
        raise AssertionError(f"{self.name}: the log has no line with {wanted}")

    def wait_step(self, step: int) -> None:
        """Wait until the agent `steps` begins this step: the store has all steps before it."""
        self.wait("Running")
        self.wait_log(event="begin", step=step)

    def follow(self, seconds: float = PATIENCE) -> Iterator[Object]:
        """The JSON lines of the log, as they come."""
        pod = self.pod()["metadata"]["name"]
        for line in api.follow(self.namespace, pod, "agent", seconds=seconds):
            if line.startswith("{"):
                yield json.loads(line)

    @property
    def _ns(self) -> tuple[str, str]:
        return "-n", self.namespace


def condition(obj: Object, kind: str) -> tuple[str, str] | None:
    """Status and reason of a condition; None if the object has none of that type."""
    found = _condition(obj, kind)
    return (found["status"], found["reason"]) if found else None


def message(obj: Object, kind: str) -> str:
    """The message of a condition."""
    found = _condition(obj, kind)
    assert found is not None, f"no condition {kind}: {obj.get('status')}"
    return str(found["message"])


def _condition(obj: Object, kind: str) -> Object | None:
    conditions = obj.get("status", {}).get("conditions", [])
    return next((c for c in conditions if c["type"] == kind), None)


def time(value: str) -> datetime:
    """A time of an API object."""
    return datetime.fromisoformat(value)


def refusal(function: Callable[[], object]) -> str:
    """The API server's message when it refuses the function's request."""
    try:
        function()
    except KubectlError as error:
        return str(error)
    raise AssertionError("the API server took it")
