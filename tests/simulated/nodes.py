"""Scheduler, nodes and their kubelets, which learn late, act late and report late."""

from collections.abc import Callable

from agentrun_operator.facts.pods import STOP_DEADLINE
from objects import Object, has_ended, is_deleting, name_of, uid_of, with_condition

from .apiserver import ApiServer
from .clock import Clock
from .container import SIGKILLED, Container, Exit

NODES = ("n0", "n1")
# What a kubelet says when it evicts a pod for what its agent used: with the first one there is no
# condition DisruptionTarget.
LIMIT_EXCEEDED = "Pod ephemeral local storage usage exceeds the total limit of containers 20Mi. "
NODE_PRESSURE = (
    "The node was low on resource: memory. Threshold quantity: 100Mi, available: 50Mi. Container "
    "agent was using 60Mi, request is 0, has larger consumption of memory. "
)


class Nodes:
    """``starting`` is asked before each container starts: what must not happen is noted there."""

    def __init__(
        self, server: ApiServer, clock: Clock, starting: Callable[[Container], None]
    ) -> None:
        self._server = server
        self._clock = clock
        self._starting = starting
        self.containers: dict[str, Container] = {}  # by uid of the pod
        self.unreachable: set[str] = set()
        for name in NODES:
            self._add(name)

    def _add(self, name: str) -> None:
        self._server.create("nodes", {"metadata": {"name": name}})

    @property
    def alive(self) -> list[Container]:
        return [c for c in self.containers.values() if c.alive]

    def schedule(self) -> None:
        ready = [n for n in NODES if n not in self.unreachable and self._server.get("nodes", n)]
        for pod in self._server.all("pods") if ready else []:
            if "nodeName" not in pod["spec"] and not is_deleting(pod) and not has_ended(pod):
                node = ready[int(pod["metadata"]["uid"].split("-")[1]) % len(ready)]
                self._server.update("pods", pod, pod | {"spec": pod["spec"] | {"nodeName": node}})

    # Nodes that are lost

    def lose(self, node: str) -> None:
        """The kubelet does not answer any more; what runs goes on."""
        self.unreachable.add(node)

    def notice(self) -> None:
        """The node controller marks lost nodes, and their pods are deleted (taint eviction)."""
        for name in sorted(self.unreachable):
            node = self._server.get("nodes", name)
            if node is None:
                continue
            unknown = {"conditions": [{"type": "Ready", "status": "Unknown"}]}
            self._server.update("nodes", node, node | {"status": unknown})
            for pod in self._server.all("pods"):
                if pod["spec"].get("nodeName") == name and not has_ended(pod):
                    stamp = self._clock.stamp()
                    pod = with_condition(pod, "Ready", "", stamp, value="False")
                    self.evict(pod, "DeletionByTaintManager")

    def give_up(self, node: str) -> None:
        """A person, or the cloud, takes the node out of the cluster."""
        if node in self.unreachable and self._server.get("nodes", node) is not None:
            self._server.delete("nodes", node)

    def bring_back(self, node: str, *, rebooted: bool) -> None:
        if node not in self.unreachable:
            return
        self.unreachable.discard(node)
        for container in self.containers.values():
            if container.node == node and rebooted and container.exit is None:
                container.exit = Exit(SIGKILLED, reason="ContainerStatusUnknown")
        old = self._server.get("nodes", node)
        if old is None:
            self._add(node)
        else:
            self._server.update("nodes", old, {"metadata": old["metadata"]})

    def evict(self, pod: Object, reason: str) -> None:
        stamp = self._clock.stamp()
        pod = self._server.update(
            "pods", pod, with_condition(pod, "DisruptionTarget", reason, stamp)
        )
        self._server.delete("pods", name_of(pod), uid=uid_of(pod))

    # The kubelet

    def see(self, pod: Object) -> None:
        """The kubelet's watch: the pod is so now."""
        node = pod["spec"].get("nodeName")
        if node is None or node in self.unreachable:
            return
        known = self.containers.get(uid_of(pod))
        if known is not None:
            known.seen = pod
        elif not has_ended(pod):
            self.containers[uid_of(pod)] = Container(pod, node, self._clock.seconds)

    def see_gone(self) -> None:
        for container in self.containers.values():
            if container.node not in self.unreachable:
                gone = self._server.by_uid("pods", container.uid) is None
                container.forgotten = container.forgotten or gone

    def act(self, container: Container) -> None:
        """Start, signal or kill, by what the kubelet knows."""
        if container.node in self.unreachable or container.exit is not None:
            return
        stop = self._must_stop(container)
        if container.started_at is None:
            if stop:
                container.exit = Exit(SIGKILLED, reason="ContainerStatusUnknown")
            else:
                self._starting(container)
                container.started_at = self._clock.stamp()
        elif container.signalled_at is None:
            if stop:
                container.signalled_at = self._clock.seconds
                # Once it stops a container, no other grace period interrupts that.
                meta = container.seen["metadata"]
                grace = float(meta.get("deletionGracePeriodSeconds", container.grace))
                container.kill_at = self._clock.seconds + min(container.grace, max(grace, 1.0))
        elif container.shortened is not None and container.supervised:
            container.kill_at = min(container.kill_at, self._clock.seconds + container.shortened)
            container.shortened = None
        elif self._clock.seconds >= container.kill_at:
            container.exit = Exit(SIGKILLED)

    def _is_late(self, container: Container) -> bool:
        deadline = container.seen["spec"].get("activeDeadlineSeconds")
        running_for = self._clock.seconds - container.acknowledged_at
        return deadline is not None and running_for >= deadline

    def _end_in_time(self, container: Container) -> None:
        if self._is_late(container) and not container.stop_reason:
            container.stop_reason = "DeadlineExceeded"
            container.timed_out = container.seen["spec"]["activeDeadlineSeconds"] > STOP_DEADLINE

    def _must_stop(self, container: Container) -> bool:
        self._end_in_time(container)
        ended = has_ended(container.seen)
        return bool(
            container.forgotten or ended or is_deleting(container.seen) or container.stop_reason
        )

    def report(self, container: Container) -> None:
        """The kubelet's status of the pod; a pod that is deleted goes when it has ended."""
        pod = self._server.by_uid("pods", container.uid)
        if pod is None or container.node in self.unreachable:
            return
        if container.exit is not None:
            self._end_in_time(container)
        if not has_ended(pod):
            status = pod.get("status", {}) | self._status(container)
            new = pod | {"status": status}
            if container.exit is None and container.started_at is not None:
                new = with_condition(new, "Ready", "", container.started_at)
            by_limit = container.overuse == LIMIT_EXCEEDED
            if container.exit is not None and container.stop_reason == "Evicted" and not by_limit:
                stamp = self._clock.stamp()
                new = with_condition(new, "DisruptionTarget", "TerminationByKubelet", stamp)
            pod = self._server.update("pods", pod, new)
        if container.exit is not None and is_deleting(container.seen):
            self._server.delete("pods", name_of(pod), uid=uid_of(pod), force=True)

    def _status(self, container: Container) -> Object:
        started = container.started_at
        if container.exit is None:
            if started is None:
                waiting = {"name": container.container_name, "state": {"waiting": {}}}
                return {"phase": "Pending", "containerStatuses": [waiting]}
            state: Object = {"running": {"startedAt": started}}
            status = {"name": container.container_name, "state": state}
            return {"phase": "Running", "containerStatuses": [status]}
        end = {
            "exitCode": container.exit.code,
            "message": container.exit.message,
            "reason": container.exit.reason
            or ("Completed" if not container.exit.code else "Error"),
            # A real kubelet writes null for a container that never started.
            "startedAt": started,
            "finishedAt": started and self._clock.stamp(),
        }
        status = {"name": container.container_name, "state": {"terminated": end}}
        well = container.exit.code == 0 and not container.stop_reason
        more = {"reason": container.stop_reason} if container.stop_reason else {}
        if container.stop_reason == "Evicted" and container.overuse:
            more["message"] = container.overuse
        phase = "Succeeded" if well else "Failed"
        return {"phase": phase, "containerStatuses": [status], **more}
