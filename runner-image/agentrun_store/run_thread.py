"""One run on its thread."""

from pathlib import Path

from .names import check_run
from .segment import Segment
from .thread import Store


class RunThread:
    """A run's own view of its thread. UID and path are checked once, here."""

    def __init__(self, root: Path | str, thread: str, uid: str) -> None:
        """`thread`: its directory, `threads/<name>` or `stateless/<run uid>`.

        Raises InvalidNameError.
        """
        self.root = Path(root)
        self.run = check_run(uid)
        self.thread = Store(root).thread(thread)
        self.thread_id = self.thread.name.rpartition("/")[2]
        """LangGraph's id of the thread."""

    def own(self) -> list[Segment]:
        """The segments that hold what the run wrote, oldest first; none after its rollback."""
        is_gone = self.thread.is_rolled_back(self.run)
        return [] if is_gone else self.thread.own(self.run)

    def summary(self) -> tuple[str | None, int]:
        """The id of the run's newest checkpoint (of the graph itself, not of a subgraph; None when
        there is none), and the number of its checkpoints (with those of subgraphs).

        Raises CorruptSegmentError, OSError.
        """
        own = self.own()
        newest = (segment.newest_of_graph() for segment in reversed(own))
        ids = (record.meta["id"] for record in newest if record is not None)
        return next(ids, None), sum(segment.count() for segment in own)
