"""One live run per thread: which run may have a pod.

``status.holdsThread`` says which run has a thread; only the operator writes it. A run writes it
only if no other run holds the thread or waits before it, and makes its Job only if a read made
*after* that, directly from the API server, shows no other holder and no live pod of another run on
the thread. Of two runs that take it at the same time each sees the other, so neither starts, and
the younger releases the thread. Finalizers and labels, which users may change, decide nothing.
Those reads show runs and pods of all instances of the operator, so a thread that two instances
serve is safe, too; of the runs that wait, each instance sees its own.
"""

from datetime import datetime, timedelta

from agentrun_kube.names import LABEL_INSTANCE
from agentrun_kube.v1alpha1.agent_run import AgentRun
from agentrun_kube.vocabulary import Cancel, MultitaskStrategy

from ...facts.pods import PodFacts
from ...facts.runs import awaits_cleanup
from ..plan import CancelRun
from ..view import ThreadView

# More are cancelled in the next turn, so that one plan takes no worker for long.
MOST_CANCELS = 20
# Runs and pods of other instances are not watched: only a direct read shows that one has ended.
LOOK_AT_OTHER_INSTANCE = timedelta(seconds=5)
NEEDS_THOSE_AHEAD = frozenset(
    {MultitaskStrategy.REJECT, MultitaskStrategy.INTERRUPT, MultitaskStrategy.ROLLBACK}
)


def blocked_by(run: AgentRun, thread: ThreadView) -> list[AgentRun]:
    """The runs that must end first, the next one first; none if this one may start."""
    if thread.holders:
        return sorted(thread.holders, key=lambda holder: holder.order)
    if run.holds_thread or thread.predecessor is None:
        return []
    return [thread.predecessor]


def named(blocker: AgentRun, run: AgentRun) -> str:
    """The blocker as messages of the run name it."""
    name = f"AgentRun {blocker.metadata.name}"
    if blocker.instance == run.instance:
        return name
    if blocker.instance is None:
        return f"{name} (of another operator: without the label {LABEL_INSTANCE})"
    return f"{name} (of another operator: with the label {LABEL_INSTANCE}={blocker.instance})"


def look_again_at(blocker: AgentRun | PodFacts, run: AgentRun, now: datetime) -> datetime | None:
    """When to see whether the blocker has ended; None if its end wakes the run."""
    return None if blocker.instance == run.instance else now + LOOK_AT_OTHER_INSTANCE


def rejected_by(run: AgentRun, thread: ThreadView) -> AgentRun | None:
    """The run for which one with multitaskStrategy reject does not wait: it is ahead, and live.

    A run is not live that has ended, that only awaits its clean-up, or that will never start.
    """
    rivals = (*thread.holders, *thread.ahead)
    return next((rival for rival in rivals if is_ahead(rival, run) and _is_live(rival)), None)


def _is_live(run: AgentRun) -> bool:
    never_starts = run.spec.cancel is not None and not run.holds_thread
    return not (run.finished or awaits_cleanup(run) or never_starts)


def cancel_rivals(
    run: AgentRun, thread: ThreadView, strategy: MultitaskStrategy
) -> tuple[CancelRun, ...]:
    """The cancels that a run's strategy requires: of all that are ahead of it on the thread.

    Of two that take the thread at the same time the younger is none of these, else each would
    cancel the other.
    """
    if strategy not in (MultitaskStrategy.INTERRUPT, MultitaskStrategy.ROLLBACK):
        return ()
    wanted = Cancel(strategy)
    reason = f"AgentRun {run.metadata.name} takes the thread (multitaskStrategy: {strategy})"
    return tuple(
        CancelRun(rival.metadata.name, rival.metadata.uid, wanted, reason)
        for rival in sorted((*thread.holders, *thread.ahead), key=lambda rival: rival.order)
        if not rival.finished
        and is_ahead(rival, run)
        and rival.spec.cancel not in (wanted, Cancel.ROLLBACK)
    )


def is_ahead(rival: AgentRun, run: AgentRun) -> bool:
    """Whether the rival comes first: its Job is known, or it was created earlier."""
    return rival.status.job_uid is not None or rival.order < run.order


def must_give_way(run: AgentRun, blocker: AgentRun) -> bool:
    """Whether a run that holds the thread, but has no Job, must give it back.

    Also for one that only has to be cleaned: it waits until no other run has the thread.
    """
    return run.holds_thread and (is_ahead(blocker, run) or awaits_cleanup(blocker))


def next_segment(run: AgentRun, thread: ThreadView, now: datetime) -> str:
    """The run's directory in the store: it comes after all that are known of its thread."""
    seq = max(int(now.timestamp() * 1000), thread.highest_seq + 1)
    return f"{seq:06d}-{run.metadata.uid}"
