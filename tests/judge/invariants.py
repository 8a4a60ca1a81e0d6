"""The invariants, and what nobody can prevent, by the names that the table shows."""

LOST_CANCEL = "no lost cancel"
ALIVE_AFTER_END = "no final phase and no removal while a process lives"
TWO_ON_THREAD = "never two live pods on a thread"
LEFTOVER = "no leftover checkpoint"
MISSING = "no missing checkpoint"
SECOND_JOB = "no second Job"
PHASE_CHANGED = "final phases never change"
STARTED_AFTER_END = "no start after the end"
BORN_CANCELLED = "born cancelled, no Job"
SUCCEEDED_WRONGLY = "Succeeded iff completed before the signal"
UNTRUE = "no account that is not so"
NOT_SETTLED = "everything settles"
CRASHED = "the operator's code does not fail"
INVARIANTS = (
    LOST_CANCEL,
    ALIVE_AFTER_END,
    TWO_ON_THREAD,
    LEFTOVER,
    MISSING,
    SECOND_JOB,
    PHASE_CHANGED,
    STARTED_AFTER_END,
    BORN_CANCELLED,
    SUCCEEDED_WRONGLY,
    UNTRUE,
    NOT_SETTLED,
    CRASHED,
)

# Whence a Job may come that no decision of a living, lonely operator has asked for.
LATE = "create request of a dead sender"
OUTDATED = "create after another operator's work"
HOMELESS = "pod made by the Job controller after its Job went"
# Why a run may have no guard.
TAKEN_OFF = "finalizer taken off by hand"
UNGUARDED = "rollback asked for after the release"
