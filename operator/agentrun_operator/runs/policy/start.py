"""Whether a run may start, and what it waits for if not."""

from dataclasses import replace
from datetime import timedelta

from agentrun_kube import defaults
from agentrun_kube.names import MAX_JOB_NAME
from agentrun_kube.v1alpha1.agent import Agent
from agentrun_kube.v1alpha1.agent_run import AgentRun
from agentrun_kube.vocabulary import MultitaskStrategy, Phase, Reason

from ...facts.runs import DEEPEST_SPEC, LARGEST_SPEC
from ...resources.event import Event
from ...run_file import run_file
from ..plan import Action, AddFinalizer, CreateJob, Enqueue, Plan, RemoveFinalizer
from ..view import View
from . import threads
from .ending import final, finish
from .pod_refusals import refusal
from .status import base, waiting

# The API server takes 256 KiB of annotations in all:
# https://kubernetes.io/docs/concepts/overview/working-with-objects/annotations/
LARGEST_RUN_FILE = 240 * 1024
LARGEST_ANNOTATIONS = 255 * 1024  # of a run's own: its place in the queue is one, too
LOOK_AT_FOREIGN_JOB, SOON = timedelta(seconds=10), timedelta(seconds=1)


def start(view: View) -> Plan:
    plan = _start(view)
    waits = plan.status is not None and plan.status.phase == Phase.PENDING
    waits = waits and AddFinalizer() not in plan.actions  # which writes down the place, too
    if waits and view.run.spec.thread is not None and view.run.queued is None:
        plan = replace(plan, actions=(Enqueue(), *plan.actions))
    # One with the finalizer may have had a Job: one that has succeeded is not watched.
    return replace(plan, confirm=plan.confirm or view.run.has_finalizer or view.run.holds_thread)


def _start(view: View) -> Plan:
    run = view.run
    name, agent = run.metadata.name, run.spec.agent_ref.name
    if len(name) > MAX_JOB_NAME:
        message = (
            f"metadata.name has {len(name)} characters, and the run's Job of the same name may "
            f"have {MAX_JOB_NAME}. Create an AgentRun with a shorter name."
        )
        return _refused(view, Reason.NAME_TOO_LONG, message)
    too_large = _too_large(run)
    if too_large is not None:
        return _refused(view, *too_large)
    blockers = threads.blocked_by(run, view.thread)
    if blockers and threads.must_give_way(run, blockers[0]):
        return _thread_busy(view, blockers)  # before anything else that it waits for
    if view.job is not None:
        message = (
            f"A Job named {name} exists that does not belong to this run. The run starts when that "
            "Job is deleted; or create an AgentRun with another metadata.name."
        )
        plan = waiting(view, Reason.JOB_NAME_TAKEN, message)
        # Other controllers' Jobs are not watched, nor is that of a deleted run of the same name.
        age = view.now - run.metadata.creation_timestamp
        wait = min(max(age, SOON), LOOK_AT_FOREIGN_JOB)
        return replace(plan, look_again_at=view.now + wait, confirm=True)
    if view.agent is None:
        message = (
            f"spec.agentRef.name: there is no Agent {agent} in namespace {run.metadata.namespace}. "
            "The run starts when it is created."
        )
        return waiting(view, Reason.AGENT_NOT_FOUND, message)
    if not run.trimmed:
        size = len(run_file(run, view.agent).encode())
        if size > LARGEST_RUN_FILE:
            return _refused(view, Reason.INPUT_TOO_LARGE, _too_many_bytes(size, LARGEST_RUN_FILE))
    if blockers:
        return _thread_busy(view, blockers)
    if view.thread.intruders:
        return _thread_has_pod(view)
    refused = None if run.trimmed else refusal(run, view.agent, view.installation)
    if refused:
        return waiting(view, Reason.POD_TEMPLATE_REFUSED, refused)
    return _begin(view, view.agent)


def _begin(view: View, agent: Agent) -> Plan:
    """First the finalizer, then the thread, then the Job: each write is what the next one needs.

    The cached run does not show whether its pod would be refused, so the whole one is read first.
    """
    run = view.run
    finalizer: tuple[Action, ...] = () if run.has_finalizer else (AddFinalizer(),)
    if run.spec.thread is not None and not run.holds_thread:
        status = base(view, Phase.PENDING).model_copy(
            update={
                "holds_thread": True,
                "segment": threads.next_segment(run, view.thread, view.now),
                "job_name": run.metadata.name,
                "claim_name": agent.spec.store.claim_name,
            }
        )
        return Plan(actions=finalizer, status=status, confirm=run.trimmed)
    if finalizer:
        return Plan(actions=finalizer, confirm=run.trimmed)
    return Plan(actions=(CreateJob(),), events=_capped(view, agent), confirm=True)


def _capped(view: View, agent: Agent) -> tuple[Event, ...]:
    """An Event if the run's grace period is capped."""
    requested = defaults.requested_grace_seconds(view.run, agent)
    maximum = view.installation.max_grace_period_seconds
    if maximum is None or requested <= maximum:
        return ()
    message = (
        f"gracePeriodSeconds is {requested}, and the maximum of this installation is {maximum}: a "
        f"stopped agent is killed after {maximum} seconds."
    )
    return (Event("Warning", Reason.GRACE_PERIOD_CAPPED, message),)


def _too_large(run: AgentRun) -> tuple[Reason, str] | None:
    if run.spec_bytes > LARGEST_SPEC:
        return Reason.INPUT_TOO_LARGE, _too_many_bytes(run.spec_bytes, LARGEST_RUN_FILE)
    unplaced = run.spec.thread is not None and run.queued is None
    if unplaced and run.annotation_bytes > LARGEST_ANNOTATIONS:
        return Reason.ANNOTATIONS_TOO_LARGE, (
            f"metadata.annotations has {run.annotation_bytes} bytes, and {LARGEST_ANNOTATIONS} "
            "leave room for the operator's. Create an AgentRun with fewer or shorter annotations."
        )
    if run.spec_depth > DEEPEST_SPEC:
        return Reason.INPUT_TOO_DEEP, (
            f"spec.input, spec.resume or spec.config nests deeper than {DEEPEST_SPEC} levels. "
            "Flatten it, or store the data elsewhere and pass a reference."
        )
    return None


def _too_many_bytes(size: int, largest: int) -> str:
    return (
        f"spec.input is too large: the run file would be {size} bytes, the limit is {largest}. "
        "Store the data elsewhere and pass a reference."
    )


def _refused(view: View, reason: Reason, message: str) -> Plan:
    status = final(view, Phase.FAILED, reason, message)
    return finish(view, status, Event("Warning", reason, message))


def _thread_busy(view: View, blockers: list[AgentRun]) -> Plan:
    run, strategy = view.run, defaults.multitask_strategy(view.run, view.agent)
    live = threads.rejected_by(run, view.thread)
    if strategy == MultitaskStrategy.REJECT and live is not None:
        message = (
            f"Thread {run.spec.thread}: {threads.named(live, run)} is ahead, and "
            "spec.multitaskStrategy is reject."
        )
        return _refused(view, Reason.THREAD_BUSY, message)
    message = (
        f"Thread {run.spec.thread}: {threads.named(blockers[0], run)} is ahead; the run starts "
        "when that has ended."
    )
    look_again_at = threads.look_again_at(blockers[0], run, view.now)
    plan = replace(waiting(view, Reason.THREAD_BUSY, message), look_again_at=look_again_at)
    assert plan.status is not None
    if threads.must_give_way(run, blockers[0]):
        # jobName stays: a request to make its Job may still be under way.
        return replace(plan, status=plan.status.model_copy(update={"holds_thread": None}))
    cancels = threads.cancel_rivals(run, view.thread, strategy)
    actions: tuple[Action, ...] = cancels[: threads.MOST_CANCELS]
    if run.has_finalizer and not run.holds_thread:
        actions = (RemoveFinalizer(), *actions)
    if len(cancels) > threads.MOST_CANCELS:
        plan = replace(plan, look_again_at=view.now)
    return replace(plan, actions=actions, confirm=bool(actions))


def _thread_has_pod(view: View) -> Plan:
    pod = view.thread.intruders[0]
    message = (
        f"Thread {view.run.spec.thread}: Pod {pod.name} is alive and belongs to another run; the "
        "run starts when that pod has ended."
    )
    look_again_at = threads.look_again_at(pod, view.run, view.now)
    return replace(waiting(view, Reason.THREAD_BUSY, message), look_again_at=look_again_at)


def rejected(view: View, answer: str) -> Plan:
    """The plan after the API server has refused the run's Job; the loop retries."""
    message = (
        f"The API server refused the run's Job: {answer} Fix Agent "
        f"{view.run.spec.agent_ref.name} (spec.podTemplate, spec.resources, spec.env) or the "
        "namespace quota. The operator keeps retrying."
    )
    return waiting(view, Reason.JOB_REJECTED, message)
