"""What a run left in the store, for its termination message."""

from pathlib import Path

from .names import check_run
from .thread import Store


def summary(root: Path | str, thread: str, uid: str) -> tuple[str | None, int]:
    """The id of the run's newest checkpoint (of the graph itself, not of a subgraph; None when
    there is none), and the number of its checkpoints (with those of subgraphs).

    Raises InvalidNameError, CorruptSegmentError, OSError.
    """
    run = check_run(uid)
    store_thread = Store(root).thread(thread)
    own = [] if store_thread.is_rolled_back(run) else store_thread.own(run)
    newest = (segment.newest_of_graph() for segment in reversed(own))
    ids = [record.meta["id"] for record in newest if record is not None]
    return next(iter(ids), None), sum(segment.count() for segment in own)
