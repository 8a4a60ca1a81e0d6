"""What a run that starts from an older checkpoint sees of its thread."""

from itertools import dropwhile, takewhile

from agentrun_store.errors import CorruptSegmentError
from agentrun_store.history import History
from agentrun_store.names import RunName, check_run
from agentrun_store.segment import Segment
from agentrun_store.thread import Store

from .. import runfile


def hidden_runs(run: runfile.Run) -> frozenset[RunName]:
    """The runs that a fork does not see: from its checkpoint's to the last one that got further.

    What they answered at the checkpoint, or in its subgraphs, would count as this run's answers.
    Runs after them have only answered there and were asked again: this one may go on from that.
    Those after its checkpoint's that were rolled back, of which only is left what other lines need,
    have not even answered.
    """
    if run.checkpoint is None:
        return frozenset()
    thread_id = run.thread.rpartition("/")[2]
    history = History(Store(runfile.STORE).thread(run.thread))
    start = history.find(thread_id, "", run.checkpoint)
    if start is None:
        return frozenset()
    own = check_run(run.uid)
    since = start.segment.seq
    later = takewhile(lambda segment: segment.seq > since, history.newest_first())
    others = (segment for segment in later if segment.run != own)
    hidden = dropwhile(lambda segment: not _took_the_thread_on(segment, thread_id), others)
    rolled_back = [kept for kept in history.kept if kept.seq > since]
    return frozenset(segment.run for segment in (*hidden, *rolled_back))


def _took_the_thread_on(segment: Segment, thread_id: str) -> bool:
    try:
        return segment.newest(thread_id, "") is not None
    except CorruptSegmentError:
        return True  # nobody can know, and a fork from before it is the way out of the damage
