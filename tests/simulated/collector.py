"""The garbage collector and the collector of pods that no node answers for."""

from objects import (
    FOREGROUND,
    ORPHAN,
    Object,
    finalizers,
    has_ended,
    is_deleting,
    is_owned_by,
    name_of,
    owners,
    uid_of,
    with_condition,
    without_finalizer,
)

from .apiserver import ApiServer
from .clock import Clock
from .policies import Who

PLURALS = {"AgentRun": "agentruns", "Job": "jobs"}
DEPENDENTS = ("jobs", "pods")


class Collector:
    def __init__(self, server: ApiServer, clock: Clock) -> None:
        self._server = server
        self._clock = clock

    def work(self) -> list[tuple[str, str, str]]:
        """What there is to do: (what, plural, uid)."""
        server = self._server
        todo = []
        for plural in ("agentruns", "jobs"):
            for obj in server.all(plural):
                if is_deleting(obj) and (FOREGROUND in finalizers(obj)):
                    todo.append(("foreground", plural, uid_of(obj)))
                if is_deleting(obj) and (ORPHAN in finalizers(obj)):
                    todo.append(("orphan", plural, uid_of(obj)))
        for plural in ("agentruns", *DEPENDENTS):
            for obj in server.all(plural):
                if owners(obj) and any(self._owner(ref) is None for ref in owners(obj)):
                    todo.append(("dangling", plural, uid_of(obj)))
        return todo

    def do(self, what: str, plural: str, uid: str) -> None:
        obj = self._server.by_uid(plural, uid)
        if obj is not None:
            with self._server.acting_as(Who.COLLECTOR):
                self._do(what, plural, obj)

    def _do(self, what: str, plural: str, obj: Object) -> None:
        if what == "foreground":
            self._foreground(plural, obj)
        elif what == "orphan":
            self._orphan(plural, obj)
        else:
            self._dangling(plural, obj)

    def _owner(self, ref: Object) -> Object | None:
        plural = PLURALS.get(ref["kind"], "others")
        found = self._server.get(plural, ref["name"])
        return found if found is not None and uid_of(found) == ref["uid"] else None

    def _dependents(self, uid: str) -> list[tuple[str, Object]]:
        return [(p, o) for p in DEPENDENTS for o in self._server.all(p) if is_owned_by(o, uid)]

    def _foreground(self, plural: str, obj: Object) -> None:
        dependents = self._dependents(uid_of(obj))
        blocking = False
        for kind, child in dependents:
            refs = [ref for ref in owners(child) if ref["uid"] == uid_of(obj)]
            blocking = blocking or any(ref.get("blockOwnerDeletion") for ref in refs)
            if not is_deleting(child) and len(owners(child)) == 1:
                # Foreground goes all the way down.
                how = "Foreground" if self._dependents(uid_of(child)) else "Background"
                self._server.delete(kind, name_of(child), uid=uid_of(child), propagation=how)
        if not blocking:
            self._server.update(plural, obj, without_finalizer(obj, FOREGROUND))

    def _orphan(self, plural: str, obj: Object) -> None:
        for kind, child in self._dependents(uid_of(obj)):
            rest = [ref for ref in owners(child) if ref["uid"] != uid_of(obj)]
            meta = child["metadata"] | {"ownerReferences": rest}
            self._server.update(kind, child, child | {"metadata": meta})
        self._server.update(plural, obj, without_finalizer(obj, ORPHAN))

    def _dangling(self, plural: str, obj: Object) -> None:
        there = [ref for ref in owners(obj) if self._owner(ref) is not None]
        if not there:
            if not is_deleting(obj):
                self._server.delete(plural, name_of(obj), uid=uid_of(obj))
        elif len(there) < len(owners(obj)):
            meta = obj["metadata"] | {"ownerReferences": there}
            self._server.update(plural, obj, obj | {"metadata": meta})

    def collect_pods(self) -> list[str]:
        """Pods that no node answers for. Returns the uids of those that were given up."""
        given_up = []
        for pod in self._server.all("pods"):
            node = pod["spec"].get("nodeName")
            if node is None and is_deleting(pod) and not has_ended(pod):
                self._fail(pod, "")
            elif node is not None and self._server.get("nodes", node) is None:
                given_up.append(uid_of(pod))
                self._fail(pod, "DeletionByPodGC")
        return given_up

    def _fail(self, pod: Object, reason: str) -> None:
        if not has_ended(pod):
            failed = pod | {"status": pod.get("status", {}) | {"phase": "Failed"}}
            if reason:
                failed = with_condition(failed, "DisruptionTarget", reason, self._clock.stamp())
            pod = self._server.update("pods", pod, failed)
        self._server.delete("pods", name_of(pod), uid=uid_of(pod), force=True)
