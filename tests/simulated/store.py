"""The checkpoint stores as the operator's work changes them: segments and tombstones.

A directory is that of a thread, behind the name of the claim: ``agentrun-store/threads/t``.
"""


class Store:
    def __init__(self) -> None:
        self.checkpoints: dict[tuple[str, str], int] = {}  # (directory, run uid)
        self.tombstones: dict[tuple[str, str], int] = {}

    def put(self, thread: str, uid: str) -> bool:
        """One more checkpoint of the run; False if the run was rolled back: it is refused."""
        if (thread, uid) in self.tombstones:
            return False
        self.checkpoints[thread, uid] = self.checkpoints.get((thread, uid), 0) + 1
        return True

    def count(self, thread: str, uid: str) -> int:
        """What a reader of the thread sees of the run."""
        if (thread, uid) in self.tombstones:
            return 0
        return self.checkpoints.get((thread, uid), 0)

    def on_all_claims(self, thread: str, uid: str) -> int:
        """What readers of the thread see of the run, whatever claim it wrote to."""
        found = {d for d, run in self.checkpoints if run == uid and d.endswith(f"/{thread}")}
        return sum(self.count(directory, uid) for directory in found)

    def bury(self, thread: str, uid: str) -> None:
        """First half of a rollback: from here on nothing of the run counts."""
        self.tombstones.setdefault((thread, uid), self.checkpoints.get((thread, uid), 0))

    def discard(self, thread: str, uid: str) -> int:
        """Second half: the segment goes. Returns the checkpoints that went, also if repeated."""
        self.checkpoints.pop((thread, uid), None)
        return self.tombstones[thread, uid]
