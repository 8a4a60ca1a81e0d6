"""An API server in memory: what the operator's writes and reads meet.

Kept as the real one has it: uids, resource versions, finalizers and deletion, preconditions, the
status subresource, pods that go only when their kubelet says so, and the rules of the CRD.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from agentrun_kube.client.kube import ApiError
from agentrun_kube.vocabulary import FINAL_PHASES
from objects import (
    FOREGROUND,
    NAMESPACE,
    ORPHAN,
    Object,
    finalizers,
    has_ended,
    is_deleting,
    merged,
    name_of,
    phase_of,
    uid_of,
)

from .clock import Clock
from .policies import Who, Write, refusal

# plural, the object before (None: it is new), and after (None: it is gone)
Listener = Callable[[str, Object | None, Object | None], None]
MUTABLE_SPEC = ("cancel", "cancelReason", "cancelGracePeriodSeconds")
PROPAGATION = {"Foreground": [FOREGROUND], "Orphan": [ORPHAN], "Background": []}


def refused(status: int, message: str) -> ApiError:
    return ApiError(status, message, {})


class ApiServer:
    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._objects: dict[str, dict[str, Object]] = {}
        self.version = 1
        self._uids = 0
        self.known = 0  # the version at which the writer has read what it decided on
        self.listeners: list[Listener] = []
        self.has_policies = False
        self.who = Who.CANCELLER  # writes now

    @contextmanager
    def acting_as(self, who: Who) -> Iterator[None]:
        before, self.who = self.who, who
        try:
            yield
        finally:
            self.who = before

    def _admit(
        self, plural: str, old: Object | None, new: Object | None, *, of_status: bool = False
    ) -> None:
        reason = self.has_policies and refusal(Write(self.who, plural, old, new, of_status))
        if reason:
            raise refused(403, f"ValidatingAdmissionPolicy {reason}")

    # Reading

    def get(self, plural: str, name: str) -> Object | None:
        return self._objects.get(plural, {}).get(name)

    def all(self, plural: str) -> list[Object]:
        return list(self._objects.get(plural, {}).values())

    def by_uid(self, plural: str, uid: str) -> Object | None:
        found = self._objects.get(plural, {}).values()
        return next((obj for obj in found if obj["metadata"]["uid"] == uid), None)

    def select(self, plural: str, selectors: dict[str, str]) -> list[Object]:
        return [obj for obj in self.all(plural) if matches(obj, selectors)]

    # Writing

    def create(self, plural: str, obj: Object) -> Object:
        name = name_of(obj)
        if self.get(plural, name) is not None:
            raise refused(409, f"{plural} {name} already exists")
        self._uids += 1
        own: Object = {
            "uid": f"uid-{self._uids}",
            "namespace": NAMESPACE,
            "creationTimestamp": self._clock.stamp(),
            "generation": 1,
        }
        new = obj | {"metadata": obj["metadata"] | own}
        if plural in ("agentruns", "pods"):
            new["status"] = {"phase": "Pending"}
        self._admit(plural, None, new)
        return self._store(plural, None, new)

    def replace_status(self, plural: str, name: str, status: Object, version: str) -> Object:
        old = self._existing(plural, name)
        if old["metadata"]["resourceVersion"] != version:
            raise refused(422, f"{plural} {name}: the test of its resourceVersion failed")
        new = old | {"status": status}
        _check(plural, old, new)
        self._admit(plural, old, new, of_status=True)
        return self.update(plural, old, new)

    def patch(self, plural: str, name: str, patch: Object) -> Object:
        old = self._existing(plural, name)
        meta = patch.get("metadata", {})
        for field in ("uid", "resourceVersion"):
            if field in meta and meta[field] != old["metadata"][field]:
                raise refused(409, f"{plural} {name}: {field} is another")
        new = merged(old, {k: v for k, v in patch.items() if k != "status"})
        _check(plural, old, new)
        return self.update(plural, old, new)

    def update(self, plural: str, old: Object, new: Object) -> Object:
        """Write what has been made of ``old``, which is the newest."""
        if new == old:
            return old
        self._admit(plural, old, new)
        if new.get("spec") != old.get("spec"):
            meta = new["metadata"] | {"generation": old["metadata"].get("generation", 1) + 1}
            new = new | {"metadata": meta}
        return self._store(plural, old, new)

    def delete(
        self,
        plural: str,
        name: str,
        *,
        uid: str | None = None,
        propagation: str = "Background",
        force: bool = False,
        grace: int | None = None,
    ) -> None:
        """``force``: a pod goes without its kubelet, as the kubelet itself and pod GC delete it."""
        old = self._existing(plural, name)
        if uid is not None and uid_of(old) != uid:
            raise refused(409, f"{plural} {name}: uid is another")
        self._admit(plural, old, None)
        meta = dict(old["metadata"])
        if not is_deleting(old):
            meta["deletionTimestamp"] = self._clock.stamp()
            meta["finalizers"] = finalizers(old) + PROPAGATION[propagation]
        if plural == "pods":
            at_once = force or has_ended(old) or "nodeName" not in old["spec"]
            if grace is None:
                grace = old["spec"].get("terminationGracePeriodSeconds", 30)
            before = meta.get("deletionGracePeriodSeconds", grace)
            meta["deletionGracePeriodSeconds"] = 0 if at_once else min(grace, before)
        if meta != old["metadata"] or _may_go(plural, old):
            self._store(plural, old, old | {"metadata": meta})

    def _existing(self, plural: str, name: str) -> Object:
        old = self.get(plural, name)
        if old is None:
            raise refused(404, f"{plural} {name} not found")
        return old

    def _store(self, plural: str, old: Object | None, new: Object) -> Object:
        self.version += 1
        new = new | {"metadata": new["metadata"] | {"resourceVersion": str(self.version)}}
        kind = self._objects.setdefault(plural, {})
        gone = _may_go(plural, new)
        if gone:
            del kind[name_of(new)]
        else:
            kind[name_of(new)] = new
        for listener in self.listeners:
            listener(plural, old, None if gone else new)
        return new


def _may_go(plural: str, obj: Object) -> bool:
    meta = obj["metadata"]
    if not is_deleting(obj) or finalizers(obj):
        return False
    return plural != "pods" or meta.get("deletionGracePeriodSeconds") == 0


def _check(plural: str, old: Object, new: Object) -> None:
    """The rules that an update must keep. Raises 422."""
    added = set(finalizers(new)) - set(finalizers(old))
    if added and is_deleting(old):
        raise refused(422, f"no finalizer can be added while it is being deleted: {added}")
    before, after = old.get("spec", {}), new.get("spec", {})
    if plural == "pods":
        deadline, lower = before.get("activeDeadlineSeconds"), after.get("activeDeadlineSeconds")
        if (lower is None and deadline is not None) or (lower or 0) > (deadline or 1 << 31):
            raise refused(422, "activeDeadlineSeconds may only be lowered")
    if plural == "agentruns":
        _check_run(old, new, before, after)


def _check_run(old: Object, new: Object, before: Object, after: Object) -> None:
    """The CEL rules of crds/agentruns.yaml."""
    if any(before.get(k) != after.get(k) for k in {*before, *after} if k not in MUTABLE_SPEC):
        raise refused(422, "the spec is immutable")
    was, wanted = before.get("cancel"), after.get("cancel")
    if was is not None and wanted is None:
        raise refused(422, "spec.cancel cannot be taken back")
    if was == "rollback" and wanted != "rollback":
        raise refused(422, "spec.cancel cannot be weakened")
    if wanted != was and phase_of(new) in FINAL_PHASES:
        raise refused(422, "the run has already finished")
    if phase_of(old) in FINAL_PHASES and phase_of(new) != phase_of(old):
        raise refused(422, "status.phase is final and never changes")


def matches(obj: Object, selectors: dict[str, str]) -> bool:
    labels = obj["metadata"].get("labels") or {}
    for term in filter(None, selectors.get("labelSelector", "").split(",")):
        key, _, value = term.partition("=")
        if term.startswith("!") and term[1:] in labels:
            return False
        if not term.startswith("!") and labels.get(key) != value:
            return False
    for term in filter(None, selectors.get("fieldSelector", "").split(",")):
        path, _, value = term.partition("=")
        if (_field(obj, path.removesuffix("!")) == value) == path.endswith("!"):
            return False
    return True


def _field(obj: Object, path: str) -> str:
    if path == "status.successful":  # of Jobs: a name of its own for a field
        return str(obj.get("status", {}).get("succeeded", 0))
    value: Any = obj
    for part in path.split("."):
        value = value.get(part) if isinstance(value, dict) else None
    if isinstance(value, bool):
        return str(value).lower()
    return "" if value is None else str(value)
