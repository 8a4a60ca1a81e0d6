"""What follows when nothing of a run that had to stop is alive: kept, rolled back, or removed."""

from ..constants import FINALIZER, Cancel, Condition, Phase, Reason
from ..facts import PodFacts
from ..models import AgentRun, AgentRunStatus
from ..plan import Action, Claim, CleanUp, DeleteRun, Event, Plan, Release
from . import defaults
from .cancel import cancel_status
from .cleanup import awaits_cleanup
from .outcome import Ending, ending, timed_out
from .progress import ended_event, finish
from .status import base, final, set_condition, with_account
from .threads import look_again_at, named
from .verdict import outcome, recorded
from .view import View

# Reasons of the condition DisruptionTarget with which a pod ends although its kubelet said nothing:
# https://kubernetes.io/docs/concepts/workloads/pods/disruptions/#pod-disruption-conditions
GIVEN_UP = ("DeletionByPodGC",)


def stopped(view: View) -> Plan:
    """Nothing of the run is alive, and its Job can make no more pods."""
    if removes_checkpoints(view.run):
        return rolling_back(view)
    return _deleted(view) if view.run.deleting else _interrupted(view)


def removes_checkpoints(run: AgentRun) -> bool:
    """Whether the run is rolled back or reclaimed, however it ended."""
    return run.spec.cancel == Cancel.ROLLBACK or (run.deleting and run.reclaims)


def retries_were_left(view: View) -> bool:
    """Whether the Job would have started the agent again, had backoffLimit not become 0."""
    fatal = view.own_job.fatal_exit_codes if view.own_job else frozenset()
    failed = [pod for pod in view.seen if pod.phase == "Failed" and not pod.disrupted]
    if failed and failed[-1].uncounted:
        return True  # the Job was suspended, and would have gone on when it was resumed
    hopeless = any(pod.exit_code in fatal for pod in failed)
    # What the Agent says now may be something else, or nothing.
    job = view.own_job
    allowed = defaults.retries(view.run, view.agent) if job is None else job.retries
    return bool(failed) and not hopeless and len(failed) <= allowed


def _interrupted(view: View) -> Plan:
    end = outcome(view)
    would_go_on = end is not None and end.phase == Phase.FAILED and retries_were_left(view)
    would_go_on = would_go_on and recorded(view.run) is None
    if end is not None and end.phase is not None and not would_go_on:
        return _ended_by_itself(view, end)
    if view.run.spec.cancel is None and view.run.status.cancel is None:
        # What else had to stop it is that a pod of it, which has gone since, had timed out.
        return _ended_by_itself(view, timed_out("too long and was stopped"))
    message = "The run was stopped. Its checkpoints are kept."
    if not view.start_was_seen:
        message = "The run was cancelled; its agent was never seen to start."
    status = final(view, Phase.INTERRUPTED, Reason.INTERRUPTED, message)
    status = _stopped(view, status, forced=end is not None and end.forced)
    if end is not None:
        status = with_account(view, status, end)
    return finish(view, status, Event("Normal", Reason.INTERRUPTED, message))


def _ended_by_itself(view: View, end: Ending) -> Plan:
    assert end.phase is not None
    status = with_account(view, final(view, end.phase, end.reason, end.message), end)
    status = _stopped(view, status)
    if view.run.spec.cancel is None:
        return finish(view, status, ended_event(end.phase, end.reason, end.message))
    late = "The run had ended by itself before the signal reached it."
    status = set_condition(
        view, status, Condition.CANCEL_TOO_LATE, True, Reason.CANCEL_TOO_LATE, late
    )
    return finish(view, status, Event("Normal", Reason.CANCEL_TOO_LATE, late))


def _stopped(view: View, status: AgentRunStatus, *, forced: bool = False) -> AgentRunStatus:
    status = status.model_copy(update={"cancel": cancel_status(view, gone=True, forced=forced)})
    reason, message = _how_it_is_known(view)
    return set_condition(view, status, Condition.STOPPED, True, reason, message)


def _how_it_is_known(view: View) -> tuple[Reason, str]:
    """By what it is confirmed that nothing of the run is alive."""
    if not view.begun:
        return Reason.NO_POD, "No pod of the run was ever made."
    given_up = [pod for pod in (*view.pods, *view.departed) if pod.node and _is_given_up(pod)]
    if given_up:
        why = given_up[-1].disruption or "no reason given"
        return Reason.POD_GIVEN_UP, (
            f"The cluster gave up pod {given_up[-1].name} ({why}); its node did not confirm the "
            "end."
        )
    if view.pods:
        pod = view.pods[-1]
        if pod.node is None:
            return Reason.POD_NEVER_SCHEDULED, (
                f"Pod {pod.name} has ended (phase {pod.phase}) and never had a node: no process of "
                "it was ever started."
            )
        return Reason.POD_TERMINATED, f"The kubelet has reported the end of pod {pod.name}."
    return Reason.POD_GONE, "The API server has no pod of the run any more."


def _is_given_up(pod: PodFacts) -> bool:
    # Who writes the final phase in the kubelet's place leaves its word on the containers as it was.
    return pod.disruption in GIVEN_UP or (pod.container_runs and not pod.alive)


def rolling_back(view: View) -> Plan:
    """Nothing of the run is alive: its checkpoints go, and then its record."""
    cleanup = view.cleanup
    if view.namespace_terminating:
        return _deleted(view)  # no pod can be made any more, and the claim goes with the namespace
    if not view.may_have_checkpoints:
        return _removed(view, "The run was rolled back before it started; nothing was made.", 0)
    if cleanup is not None and cleanup.claim_missing and not view.start_was_seen:
        return _removed(view, "The run was rolled back: it never started, and has no store.", 0)
    if cleanup is not None and cleanup.state == "done":
        count = cleanup.checkpoints
        return _removed(view, f"The run was rolled back: {count} checkpoints deleted.", count)
    if not (view.run.claimed or view.run.deleting or view.run.finished):
        return Plan(actions=(Claim(),))  # else a delete would take the record before the clean-up
    end = ending(view.seen)
    phase = view.run.status.phase if view.run.finished else Phase.CANCELLING
    status = _stopped(view, base(view, phase), forced=end is not None and end.forced)
    reason, message = _why_not_clean(view)
    status = set_condition(view, status, Condition.ROLLED_BACK, False, reason, message)
    # The Job may have gone before its claim was ever written down.
    claim = status.claim_name or (view.agent.spec.store.claim_name if view.agent else None)
    if claim is None and not view.start_was_seen:
        return _removed(view, "The run was rolled back; it was never seen to start.", 0)
    status = status.model_copy(update={"claim_name": claim})
    busy = _thread_user(view)
    if _must_take_thread(view) and busy is None:
        # What was done on a look before this write, another run may have done, too: look again.
        taken = base(view, phase).model_copy(update={"holds_thread": True, "claim_name": claim})
        return Plan(status=taken, confirm=True)
    actions: tuple[Action, ...] = () if claim is None or busy else (CleanUp(claim),)
    events: tuple[Event, ...] = ()
    its_look = cleanup.look_again_at if cleanup else None
    failed = reason == Reason.CLEANUP_FAILED
    if failed and not any(c.reason == reason for c in view.run.status.conditions):
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

    It is no matter if this one has never begun: there is nothing of it that the other could see.
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
        f"The clean-up of the store failed and is tried again: {cleanup.message}"
    )


def _removed(view: View, message: str, count: int) -> Plan:
    run = view.run
    if run.spec.cancel is None:
        return _deleted(view)
    event = Event("Normal", Reason.ROLLED_BACK, message)
    release: tuple[Action, ...] = (Release(),) if run.claimed else ()
    if run.deleting and release:
        return Plan(actions=release, events=(event,), confirm=True)
    if not run.deleting and not run.managed_from_git:
        return Plan(actions=(*release, DeleteRun()), events=(event,), confirm=True)
    # The record stays, as an empty tombstone: Git would make it again, and it would run again; or
    # somebody else's finalizer holds it.
    return Plan(
        actions=release, status=_tombstone(view, message, count), events=(event,), confirm=True
    )


def _tombstone(view: View, message: str, count: int) -> AgentRunStatus:
    status = final(view, Phase.ROLLED_BACK, Reason.ROLLED_BACK, message)
    status = _stopped(view, status)
    status = set_condition(view, status, Condition.ROLLED_BACK, True, Reason.ROLLED_BACK, message)
    cancel = status.cancel and status.cancel.model_copy(
        update={"clean_at": view.now, "checkpoints_deleted": count}
    )
    return status.model_copy(update={"cancel": cancel, "settled": True, "expires_at": None})


def _deleted(view: View) -> Plan:
    run = view.run
    if run.holds_thread and run.finished and set(run.metadata.finalizers) - {FINALIZER}:
        # The record stays, for a finalizer of others; the thread is free all the same.
        free = run.status.model_copy(update={"holds_thread": None})
        return Plan(status=free, confirm=True)
    if run.claimed:
        return Plan(actions=(Release(),), confirm=True)
    if run.finished:
        return Plan()
    # Without our finalizer, only somebody else's keeps the record: say what is so.
    end = outcome(view)
    if end is not None and end.phase is not None:
        return _ended_by_itself(view, end)
    message = "The run was stopped because its AgentRun is deleted."
    return Plan(status=final(view, Phase.INTERRUPTED, Reason.INTERRUPTED, message), confirm=True)
