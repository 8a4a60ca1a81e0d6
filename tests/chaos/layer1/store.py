"""The checkpoint store as the operator's work changes it: segments and tombstones."""


class Store:
    def __init__(self) -> None:
        self.checkpoints: dict[tuple[str, str], int] = {}  # (thread directory, run uid)
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

    def bury(self, thread: str, uid: str) -> None:
        """First half of a rollback: from here on nothing of the run counts."""
        self.tombstones.setdefault((thread, uid), self.checkpoints.get((thread, uid), 0))

    def discard(self, thread: str, uid: str) -> int:
        """Second half: the segment goes. Returns the checkpoints that went, also if repeated."""
        self.checkpoints.pop((thread, uid), None)
        return self.tombstones[thread, uid]
