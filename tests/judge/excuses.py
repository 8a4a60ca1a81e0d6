"""What cannot be prevented, and which invariants it may break."""

from .invariants import (
    ALIVE_AFTER_END,
    LEFTOVER,
    NOT_SETTLED,
    STARTED_AFTER_END,
    SUCCEEDED_WRONGLY,
    TWO_ON_THREAD,
    UNTRUE,
)

# How a Job or a pod comes about that no operator would create by what it knows now.
LATE = "create request of a dead sender"
OUTDATED = "create after another operator's work"
HOMELESS = "pod made by the Job controller after its Job went"
TAKEN_BACK = "suspension taken back before the Job controller acted on it"
BY_HAND = "Job deleted by hand before it was written down"
# What befalls a run.
TAKEN_OFF = "finalizer taken off by hand"
UNGUARDED = "rollback requested after the release"
RELEASED = "finalizer taken off by an administrator"
PUT_ON = "finalizer put on a settled run by hand"
HIDDEN = "label of a pod, or of those of a Job, changed by hand"
MUTED = "annotation of a pod changed by hand"
FORGED_JOB = "Job forged"
FORGED_POD = "pod forged"
FORGED_CHILD = "pod forged with the Job's UID"
FORGED_CLEANUP = "pod of a clean-up forged"
PARTED_POD = "owner of a pod changed by hand"
PARTED_JOB = "owner of a Job changed by hand before its UID was written down"
# Befalls a Job, and excuses nothing by itself: see BY_HAND.
DELETED_BY_HAND = "Job deleted by hand"

_GONE = (ALIVE_AFTER_END, STARTED_AFTER_END, LEFTOVER)
_LIES = (SUCCEEDED_WRONGLY, UNTRUE)
MAY_BREAK: dict[str, tuple[str, ...]] = {  # what is not in it may break all that it bears on
    TAKEN_OFF: _GONE,
    RELEASED: _GONE,
    UNGUARDED: (LEFTOVER,),
    PUT_ON: (NOT_SETTLED,),
    HIDDEN: (*_GONE, *_LIES, TWO_ON_THREAD, NOT_SETTLED),
    MUTED: _LIES,
    FORGED_JOB: _LIES,
    FORGED_POD: _LIES,
    FORGED_CHILD: (*_GONE, *_LIES),
    FORGED_CLEANUP: (LEFTOVER,),
    PARTED_POD: (*_GONE, *_LIES, TWO_ON_THREAD, NOT_SETTLED),
    PARTED_JOB: (*_GONE, *_LIES, TWO_ON_THREAD),
    DELETED_BY_HAND: (),
}
# What admission policies refuse, so that with them it is no excuse.
ATTACKS = (
    TAKEN_OFF,
    PUT_ON,
    HIDDEN,
    MUTED,
    FORGED_JOB,
    FORGED_POD,
    FORGED_CHILD,
    FORGED_CLEANUP,
    PARTED_POD,
    PARTED_JOB,
)
