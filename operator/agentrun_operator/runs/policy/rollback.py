"""Rollback: a clean-up Job deletes the run's checkpoints, then the operator removes its record."""

from agentrun_kube.v1alpha1.agent_run import AgentRun, AgentRunStatus
from agentrun_kube.vocabulary import Cancel, Condition, Phase, Reason

from ...facts.runs import awaits_cleanup
from ...resources.event import Event
from ..plan import Action, AddFinalizer, DeleteRun, Plan, RemoveFinalizer, RequestCleanup
from ..view import View
from .confirmed import confirmed
from .deleted import deleted
from .ending import final
from .outcome import outcome_of_pods
from .status import base, set_condition, with_condition
from .threads import look_again_at, named


def removes_checkpoints(run: AgentRun) -> bool:
    """Whether the run is rolled back or reclaimed, however it ended."""
    return run.spec.cancel == Cancel.ROLLBACK or (run.deleting and run.reclaims)


def rolling_back(view: View) -> Plan:
    """The plan once nothing of the run is alive: its checkpoints go, and then its record."""
    cleanup = view.cleanup
    if view.namespace_terminating:
        return deleted(view)  # no pod can be created, and the claim goes with the namespace
    if not view.may_have_checkpoints:
        return _removed(view, "The run was rolled back before it started; nothing was made.", 0)
    if cleanup is not None and cleanup.claim_missing and not view.start_was_seen:
        return _removed(view, "The run was rolled back: it never started, and has no store.", 0)
    if cleanup is not None and cleanup.state == "done":
        count = cleanup.checkpoints
        return _removed(view, f"The run was rolled back: {count} checkpoints deleted.", count)
    if not (view.run.has_finalizer or view.run.deleting or view.run.finished):
        return Plan(
            actions=(AddFinalizer(),)
        )  # else a delete would take the record before the clean-up
    end = outcome_of_pods(view.seen)
    phase = view.run.status.phase if view.run.finished else Phase.CANCELLING
    status = confirmed(view, base(view, phase), forced=end is not None and end.forced)
    reason, message = _why_not_clean(view)
    status, is_news = set_condition(view, status, Condition.ROLLED_BACK, False, reason, message)
    # The Job may have gone before its claim was recorded.
    claim = status.claim_name or (view.agent.spec.store.claim_name if view.agent else None)
    if claim is None and not view.start_was_seen:
        return _removed(view, "The run was rolled back; it was never seen to start.", 0)
    status = status.model_copy(update={"claim_name": claim})
    busy = _thread_user(view)
    if _must_take_thread(view) and busy is None:
        # Another run may have taken the thread since the last look: look again after this write.
        taken = base(view, phase).model_copy(update={"holds_thread": True, "claim_name": claim})
        return Plan(status=taken, confirm=True)
    actions: tuple[Action, ...] = () if claim is None or busy else (RequestCleanup(claim),)
    events: tuple[Event, ...] = ()
    its_look = cleanup.look_again_at if cleanup else None
    if is_news and reason == Reason.CLEANUP_FAILED:
        events = (Event("Warning", reason, message),)
    return Plan(
        actions=actions,
        status=status,
        events=events,
        confirm=True,
        look_again_at=look_again_at(busy, view.run, view.now) if busy else its_look,
    )


def _thread_user(view: View) -> AgentRun | None:
    """A run whose pod may use the thread now; one that itself waits for its clean-up has none.

    A run that never started has nothing to clean up, so it need not wait.
    """
    if not view.begun:
        return None
    users = (r for r in view.thread.holders if not (r.finished or awaits_cleanup(r)))
    return next(users, None)


def _must_take_thread(view: View) -> bool:
    """Whether the run has to write down that the thread is its own before it is cleaned."""
    run = view.run
    return view.begun and run.spec.thread is not None and not run.holds_thread


def _why_not_clean(view: View) -> tuple[Reason, str]:
    cleanup = view.cleanup
    busy = _thread_user(view)
    if busy is not None:
        name = named(busy, view.run)
        return Reason.THREAD_BUSY, f"{name} uses the thread; the clean-up waits for it."
    if cleanup is None or (cleanup.state == "running" and not cleanup.message):
        return Reason.CLEANUP_PENDING, "The clean-up of the store has not finished."
    if cleanup.state == "running":
        return Reason.CLEANUP_PENDING, f"The clean-up of the store waits: {cleanup.message}"
    return Reason.CLEANUP_FAILED, (
        f"The clean-up of the store failed; the operator retries it: {cleanup.message}"
    )


def _removed(view: View, message: str, count: int) -> Plan:
    run = view.run
    if run.spec.cancel is None:
        return deleted(view)
    event = Event("Normal", Reason.ROLLED_BACK, message)
    release: tuple[Action, ...] = (RemoveFinalizer(),) if run.has_finalizer else ()
    if run.deleting and release:
        return Plan(actions=release, events=(event,), confirm=True)
    if not run.deleting and not run.managed_from_git:
        return Plan(actions=(*release, DeleteRun()), events=(event,), confirm=True)
    # The record stays, as an empty tombstone: a GitOps tool would create the run again, and it
    # would run again; or another controller's finalizer keeps it.
    return Plan(
        actions=release, status=_tombstone(view, message, count), events=(event,), confirm=True
    )


def _tombstone(view: View, message: str, count: int) -> AgentRunStatus:
    status = final(view, Phase.ROLLED_BACK, Reason.ROLLED_BACK, message)
    status = confirmed(view, status)
    status = with_condition(view, status, Condition.ROLLED_BACK, True, Reason.ROLLED_BACK, message)
    cancel = status.cancel and status.cancel.model_copy(
        update={"clean_at": view.now, "checkpoints_deleted": count}
    )
    return status.model_copy(update={"cancel": cancel, "settled": True, "expires_at": None})
