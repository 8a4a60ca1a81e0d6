"""What a run left in the store, for its termination message."""

from pathlib import Path

from agentrun_store.history import History
from agentrun_store.names import check_run
from agentrun_store.thread import Store


def summary(root: Path | str, thread: str, uid: str) -> tuple[str | None, int]:
    """The id of the run's newest checkpoint (of the graph itself, not of a subgraph; None when
    there is none), and the number of its checkpoints (with those of subgraphs).

    Raises InvalidNameError, CorruptSegmentError, OSError.
    """
    run = check_run(uid)
    history = History(Store(root).thread(thread))
    history.segments = [segment for segment in history.segments if segment.run == run]
    metas = [found.record.meta for found in history.checkpoints(None, None)]
    return next((meta["id"] for meta in metas if meta["ns"] == ""), None), len(metas)
