"""What the judge knows of one run, also after its record was removed."""

from dataclasses import dataclass, field

from agentrun_kube.names import FINALIZER
from objects import Object, finalizers, name_of, uid_of

from .history import Attempt, JobMade, Ran

REMOVED = "Removed"

__all__ = ["REMOVED", "Attempt", "Record", "record_of"]


@dataclass
class Record:
    name: str
    uid: str
    thread: str  # directory in the store
    born_cancelled: bool
    reclaims: bool  # its checkpoints go with it if it is deleted while it lives
    reclaims_later: bool  # and also if it is deleted after its end
    last: Object
    requested: set[str] = field(default_factory=set)
    deleting: bool = False
    deleted_alive: bool = False
    jobs: list[JobMade] = field(default_factory=list)
    recorded_at: int = 0  # version at which its Job was written into its status
    ended: str = ""  # its first final phase, or Removed
    ended_at: int = 0  # version
    gone: bool = False
    completed: bool = False
    steps: int = 0  # whose checkpoints are on disk, by what its agent said
    began: set[str] = field(default_factory=set)  # pods whose first step was heard
    shown: tuple[str, ...] = ()
    ran: Ran | None = None

    @property
    def cancel(self) -> str | None:
        cancel: str | None = self.last["spec"].get("cancel")
        return cancel

    @property
    def status(self) -> Object:
        found: Object = self.last.get("status") or {}
        return found

    @property
    def is_guarded(self) -> bool:
        return FINALIZER in finalizers(self.last)

    @property
    def may_be_cleaned(self) -> bool:
        return self.cancel == "rollback" or (self.deleting and self.reclaims)

    @property
    def is_undone(self) -> bool:
        """It was rolled back, or deleted while it lived: no later state may contain its steps."""
        if self.cancel == "rollback":
            return self.ended in (REMOVED, "RolledBack")
        return self.gone and self.deleted_alive and self.reclaims

    @property
    def must_be_clean(self) -> bool:
        """No checkpoint of it may be left in the store."""
        return self.is_undone or (self.gone and self.reclaims_later)

    @property
    def removal_was_requested(self) -> bool:
        """By a user, by a rollback, or by ttlSecondsAfterFinished of the run or of its Agent."""
        expires = "ttlSecondsAfterFinished" in self.last["spec"] or "expiresAt" in self.status
        return self.cancel == "rollback" or "delete" in self.requested or expires

    @property
    def was_cancelled(self) -> bool:
        return self.cancel is not None or self.deleting or "delete" in self.requested


def record_of(run: Object) -> Record:
    spec, uid = run["spec"], uid_of(run)
    thread, deletes = spec.get("thread"), spec.get("reclaimPolicy") == "Delete"
    return Record(
        name=name_of(run),
        uid=uid,
        thread=f"threads/{thread}" if thread else f"stateless/{uid}",
        born_cancelled="cancel" in spec,
        reclaims=deletes or not thread,
        reclaims_later=deletes,
        last=run,
    )
