"""Notices the attacks of tenants that cannot be prevented where no admission policy refuses them.

Which invariants each may break says ``judge/excuses.py``.

- *finalizer taken off by hand*: the API server removes the record of a deleted run at once. The
  operator learns of it when that has happened.
- *finalizer put on a settled run by hand*: the operator does not watch settled runs, and no field
  selector finds finalizers.
- *label of a pod, or of those of a Job, changed by hand*: without the run's UID the
  operator finds the pod only by reading all pods of the namespace.
- *annotation of a pod changed by hand*: it is what says whether a termination report counts.
- *Job forged*: with the run as its controlling owner, and before the operator has written down the
  UID of its own, it is like its own in all that can be read.
- *pod forged*: without an owner, or when its Job is gone or has other labels, so that the operator
  does not watch it, it is like a pod of the run's Job that was orphaned or whose Job was deleted.
- *pod forged with the Job's UID*, *pod of a clean-up forged*: it is like one that the Job
  controller has made.
- *owner of a pod changed by hand*: the Job controller does not know its pod any more, and makes
  another; and by its owner reference the pod is another controller's.
- *owner of a Job changed by hand before its UID was written down*: by what can be read, it is a Job
  that has the run's name, and is not the run's.
"""

from collections.abc import Callable

from agentrun_kube.names import ANNOTATION_RUNNER, FINALIZER, LABEL_RUN_UID
from judge.excuses import (
    FORGED_CHILD,
    FORGED_CLEANUP,
    FORGED_JOB,
    FORGED_POD,
    HIDDEN,
    MUTED,
    PARTED_JOB,
    PARTED_POD,
    PUT_ON,
    RELEASED,
    TAKEN_OFF,
)
from objects import Object, finalizers, is_forged, made_for, owners, uid_of

from .apiserver import ApiServer
from .policies import Who


class Attacks:
    """``befell`` is told the UID of the run, and what befell it."""

    def __init__(self, server: ApiServer, befell: Callable[[str, str], None]) -> None:
        self._server = server
        self.befell = befell

    def see(self, plural: str, old: Object | None, new: Object | None) -> None:
        if new is None:
            if plural == "jobs" and old is not None and is_forged(old):
                self.befell(_named(old["spec"]["template"]), FORGED_POD)
            return
        if plural == "agentruns" and old is not None:
            self._see_run(old, new)
        elif plural in ("jobs", "pods"):
            self._see_part(plural, old, new)

    def _see_run(self, old: Object, new: Object) -> None:
        if self._server.who is Who.OPERATOR:
            return
        had, has = FINALIZER in finalizers(old), FINALIZER in finalizers(new)
        if had and not has:
            by_administrator = self._server.who is Who.ADMINISTRATOR
            self.befell(uid_of(new), RELEASED if by_administrator else TAKEN_OFF)
        if has and not had and old["status"].get("settled"):
            self.befell(uid_of(new), PUT_ON)

    def _see_part(self, plural: str, old: Object | None, new: Object) -> None:
        """A Job or pod has changed: not as the operator and the cluster's controllers do it."""
        if is_forged(new):
            if old is None:
                self._see_forged(plural, new)
            elif plural == "jobs" and _labels(new) != _labels(old):
                self.befell(_named(old["spec"]["template"]), FORGED_POD)
            return
        if old is None or self._server.who not in (Who.TENANT, Who.CREATOR):
            return
        run = made_for(new)
        pods = [obj if plural == "pods" else obj["spec"]["template"] for obj in (new, old)]
        if _named(pods[0]) != _named(pods[1]):
            self.befell(run, HIDDEN)
            self.befell(_named(pods[0]), HIDDEN)
        notes, noted = (obj["metadata"].get("annotations") or {} for obj in (new, old))
        if plural == "pods" and notes.get(ANNOTATION_RUNNER) != noted.get(ANNOTATION_RUNNER):
            self.befell(run, MUTED)
        if owners(new) != owners(old):
            if plural == "pods":
                self.befell(run, PARTED_POD)
            elif self._recorded_job(run) != uid_of(new):
                self.befell(run, PARTED_JOB)

    def _recorded_job(self, run_uid: str) -> str | None:
        run = self._server.by_uid("agentruns", run_uid)
        uid: str | None = None if run is None else run["status"].get("jobUid")
        return uid

    def _see_forged(self, plural: str, obj: Object) -> None:
        """By the Job's controlling owner; of a pod, the label names the run."""
        makers = [ref for ref in owners(obj) if ref.get("controller")]
        if plural == "jobs":
            for ref in makers:
                self.befell(ref["uid"], FORGED_JOB)
            return
        if self._server.who is Who.JOB_CONTROLLER:
            return
        named = _named(obj)
        if not named:
            for uid in self._cleaned_by(makers):
                self.befell(uid, FORGED_CLEANUP)
        else:
            self.befell(named, FORGED_CHILD if makers else FORGED_POD)

    def _cleaned_by(self, makers: list[Object]) -> list[str]:
        """The runs that the clean-up Job cleans whose UID the forged pod has."""
        jobs = (self._server.by_uid("jobs", ref["uid"]) for ref in makers)
        return [ref["uid"] for job in jobs if job is not None for ref in owners(job)]


def _named(obj: Object) -> str:
    """UID of the run that the label names."""
    return str(_labels(obj).get(LABEL_RUN_UID, ""))


def _labels(obj: Object) -> Object:
    return (obj.get("metadata") or {}).get("labels") or {}
