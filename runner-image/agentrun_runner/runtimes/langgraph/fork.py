"""The part of its thread that a run sees if it starts from an older checkpoint."""

from itertools import dropwhile, takewhile

from agentrun_store.errors import CorruptSegmentError
from agentrun_store.history import History
from agentrun_store.names import RunName
from agentrun_store.run_thread import RunThread
from agentrun_store.segment import Segment


def hidden_runs(thread: RunThread, checkpoint: str | None) -> frozenset[RunName]:
    """The runs that a fork from a checkpoint does not see: those after the checkpoint's run, up to
    the last one that advanced the thread.

    Their answers at the checkpoint, or in its subgraphs, would count as this run's answers. Later
    runs have only answered there before the graph asked again: this run may resume from that. The
    kept data of rolled-back runs serves other lines only, and no answer of theirs counts.
    """
    if checkpoint is None:
        return frozenset()
    thread_id = thread.thread_id
    history = History(thread.thread)
    start = history.find(thread_id, "", checkpoint)
    if start is None:
        return frozenset()
    since = start.segment.seq
    later = takewhile(lambda segment: segment.seq > since, history.newest_first())
    others = (segment for segment in later if segment.run != thread.run)
    hidden = dropwhile(lambda segment: not _advanced_thread(segment, thread_id), others)
    rolled_back = [kept for kept in history.kept if kept.seq > since]
    return frozenset(segment.run for segment in (*hidden, *rolled_back))


def _advanced_thread(segment: Segment, thread_id: str) -> bool:
    try:
        return segment.newest(thread_id, "") is not None
    except CorruptSegmentError:
        return True  # it may have, and a user forks from before it to avoid the damage
