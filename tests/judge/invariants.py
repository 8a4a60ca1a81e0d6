"""The invariants, by the names that the tables show."""

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
UNTRUE = "the status says only what is so"
UNASKED = "no record is removed without a request"
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
    UNASKED,
    NOT_SETTLED,
    CRASHED,
)
NEVER_JUDGED = "every invariant is judged"
