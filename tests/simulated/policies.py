"""Admission: what manifests/policies refuse, of that which the simulated cluster has.

One place, and pure. Left out is agentrun-operator-pods: no pod here reaches into its node.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from enum import Enum

from agentrun_kube.names import (
    COMPONENT_CLEANUP,
    GROUP,
    LABEL_COMPONENT,
    LABEL_FINISHED,
    LABEL_MANAGED_BY,
    MANAGED_BY,
)
from agentrun_kube.vocabulary import FINAL_PHASES
from objects import Object, finalizers, label, name_of, owners, phase_of


class Who(Enum):
    """Who writes, and the rights that policies ask for: to make pods, to cancel, to release.

    Kubelets and the controllers of nodes write as a canceller: no policy tells them apart.
    """

    OPERATOR = "the operator"
    JOB_CONTROLLER = "the Job controller"
    COLLECTOR = "the garbage collector"
    CREATOR = "a run creator"
    TENANT = "a tenant that may not cancel"
    CANCELLER = "a user that may cancel"
    ADMINISTRATOR = "an administrator"

    @property
    def makes_pods(self) -> bool:
        return self in (Who.TENANT, Who.CANCELLER, Who.ADMINISTRATOR)

    @property
    def cancels(self) -> bool:
        return self in (Who.OPERATOR, Who.CANCELLER, Who.ADMINISTRATOR)

    @property
    def releases(self) -> bool:
        return self is Who.ADMINISTRATOR


@dataclass(frozen=True)
class Write:
    """``old`` is None of what is created, ``new`` of what is deleted."""

    who: Who
    plural: str
    old: Object | None
    new: Object | None
    of_status: bool = False


Marks = dict[str, str]  # labels or annotations
CANCEL_FIELDS = ("cancel", "cancelReason", "cancelGracePeriodSeconds")
CANCELLING = ("interrupt", "rollback")
PREFIX = f"{GROUP}/"


def refusal(write: Write) -> str | None:
    """Why a policy refuses the write; None if none does."""
    return next(iter(_refusals(write)), None)


def _refusals(write: Write) -> Iterable[str]:
    if write.plural == "agents":
        yield from _agent_author(write)
    elif write.plural == "agentruns":
        yield from _cancel(write)
        yield from _live_runs(write)
        yield from _run_metadata(write)
    elif write.plural in ("jobs", "pods"):
        if write.who is Who.OPERATOR:
            yield from _operator(write)
        elif write.new is not None:
            yield from _jobs_and_pods(write, write.new)


def _agent_author(write: Write) -> Iterable[str]:
    if write.new is None:
        return
    if not write.who.makes_pods:
        yield "agentrun-agent-author"
    strategy = write.new["spec"].get("multitaskStrategy")
    before = write.old and write.old["spec"].get("multitaskStrategy")
    if strategy in CANCELLING and strategy != before and not write.who.cancels:
        yield "agentrun-cancel-by-default"


def _cancel(write: Write) -> Iterable[str]:
    if write.new is None or write.who.cancels:
        return
    spec, old = write.new["spec"], write.old
    if old is None:
        if spec.get("multitaskStrategy") in CANCELLING:
            yield "agentrun-cancel: spec.multitaskStrategy"
    elif any(spec.get(field) != old["spec"].get(field) for field in CANCEL_FIELDS):
        yield "agentrun-cancel: spec.cancel"


def _live_runs(write: Write) -> Iterable[str]:
    old, new = write.old, write.new
    if old is None or phase_of(old) in FINAL_PHASES or write.who.cancels:
        return
    if write.who is not Who.COLLECTOR and (new is None or owners(new) != owners(old)):
        yield "agentrun-live-runs"


def _run_metadata(write: Write) -> Iterable[str]:
    if write.new is None or write.who is Who.OPERATOR:
        return
    if write.of_status:
        yield "agentrun-run-metadata: status"
    ours, before = (
        {name for name in finalizers(obj or EMPTY) if name.startswith(PREFIX)}
        for obj in (write.new, write.old)
    )
    if ours - before or (before - ours and not write.who.releases):
        yield "agentrun-run-metadata: metadata.finalizers"
    for marks, old in zip(_marks(write.new), _marks(write.old), strict=True):
        if _sets_ours(marks, old) or (_takes_ours_off(marks, old) and not write.who.releases):
            yield "agentrun-run-metadata: metadata.labels, metadata.annotations"


def _jobs_and_pods(write: Write, new: Object) -> Iterable[str]:
    old = write.old
    is_job = write.plural == "jobs"
    makers = [ref for ref in owners(new) if ref.get("controller")]
    by_controller = not is_job and old is None and write.who is Who.JOB_CONTROLLER
    if by_controller and any(ref["kind"] == "Job" for ref in makers):
        return
    marks, before = _all_marks(new), _all_marks(old)
    for now, then in zip(marks, before, strict=True):
        if _sets_ours(now, then) or _takes_ours_off(now, then):
            yield f"agentrun-{write.plural}: metadata"
    named = [(now, then) for now, then in zip(marks[::2], before[::2], strict=True)]
    is_managed = any(marks.get(LABEL_MANAGED_BY) == MANAGED_BY for both in named for marks in both)
    recommended = (LABEL_MANAGED_BY, LABEL_COMPONENT)
    if is_managed and any(now.get(k) != then.get(k) for now, then in named for k in recommended):
        yield f"agentrun-{write.plural}: metadata.labels"
    refs, old_refs = owners(new), owners(old or EMPTY)
    is_owned = any(r["kind"] == "AgentRun" and r.get("controller") for r in refs + old_refs)
    if (is_owned or is_managed) and refs != old_refs:
        cluster = (Who.COLLECTOR,) if is_job else (Who.COLLECTOR, Who.JOB_CONTROLLER)
        if old is None or write.who not in cluster:
            yield f"agentrun-{write.plural}: metadata.ownerReferences"


def _operator(write: Write) -> Iterable[str]:
    old, new, is_job = write.old, write.new, write.plural == "jobs"
    if old is None and new is not None and not (is_job and _is_of_runs(new)):
        yield "agentrun-operator: it makes Jobs of AgentRuns only"
    if old is None:
        return
    if label(old, LABEL_MANAGED_BY) != MANAGED_BY:
        yield "agentrun-operator: it changes and deletes its own Jobs and pods only"
    if new is None:
        return
    changeable = ("backoffLimit", "activeDeadlineSeconds") if is_job else ("activeDeadlineSeconds",)
    if write.of_status or _without(new["spec"], changeable) != _without(old["spec"], changeable):
        yield "agentrun-operator: spec"
    (names, notes), (old_names, old_notes) = _marks(new), _marks(old)
    named = _without(names, (LABEL_FINISHED,)) == _without(old_names, (LABEL_FINISHED,))
    if not named or notes != old_notes or _links(new) != _links(old):
        yield "agentrun-operator: metadata"


def _is_of_runs(job: Object) -> bool:
    refs, name = owners(job), name_of(job)
    if label(job, LABEL_COMPONENT) == COMPONENT_CLEANUP:
        named = name.startswith("agentrun-cleanup-")
    else:
        named = all(ref["name"] == name for ref in refs)
    ours = label(job, LABEL_MANAGED_BY) == MANAGED_BY
    return ours and named and bool(refs) and all(ref["kind"] == "AgentRun" for ref in refs)


def _links(obj: Object) -> tuple[list[Object], list[str]]:
    return owners(obj), finalizers(obj)


EMPTY: Object = {"metadata": {}}


def _marks(obj: Object | None) -> list[Marks]:
    meta = (obj or EMPTY).get("metadata") or {}
    return [meta.get("labels") or {}, meta.get("annotations") or {}]


def _all_marks(obj: Object | None) -> list[Marks]:
    """Those of the object, and of a Job those of the pods that it will make."""
    template = ((obj or EMPTY).get("spec") or {}).get("template")
    return _marks(obj) + _marks(template)


def _sets_ours(marks: Marks, old: Marks) -> bool:
    return any(k.startswith(PREFIX) and old.get(k) != value for k, value in marks.items())


def _takes_ours_off(marks: Marks, old: Marks) -> bool:
    return any(k.startswith(PREFIX) and k not in marks for k in old)


def _without(found: Object, keys: Iterable[str]) -> Object:
    return {key: value for key, value in found.items() if key not in keys}
