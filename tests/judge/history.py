"""What really happened, event by event: the format in which each recorder tells it.

Events come in the order in which they happened. Where a recorder learns of something later, it
tells it later; an event says nothing that was not so at its time. UIDs are those of the API server.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from objects import Object


@dataclass(frozen=True)
class Process:
    """What runs in a pod of a run, as its node has it."""

    pod_uid: str
    pod: str
    run_uid: str
    thread: str  # two with the same name share the thread's store
    job_uid: str = ""


@dataclass(frozen=True)
class RunWritten:
    """An AgentRun was created or changed; ``gone``: its record was removed."""

    run: Object  # the last state, if it is gone
    version: int = 0  # the resourceVersion of the write; 0 if that is not known
    gone: bool = False


@dataclass(frozen=True)
class Requested:
    """The API server accepted a user's request: ``interrupt``, ``rollback`` or ``delete``."""

    run_uid: str
    what: str


@dataclass(frozen=True)
class JobMade:
    """The operator's Job for a run, not one that a tenant forged."""

    run_uid: str
    job_uid: str
    version: int = 0


@dataclass(frozen=True)
class JobRequested:
    """How a Job's create request was sent."""

    job_uid: str
    late: bool  # it took effect when its sender was gone
    known: int  # the version at which its sender had last read the run


@dataclass(frozen=True)
class ProcessStarted:
    process: Process


@dataclass(frozen=True)
class ProcessEnded:
    """Also when the cluster has given it up with its node."""

    pod_uid: str


@dataclass(frozen=True)
class Completed:
    """The agent had done all its work before any signal reached it."""

    run_uid: str


@dataclass(frozen=True)
class Wrote:
    """The agent wrote a checkpoint; without an id where checkpoints are only counted."""

    run_uid: str
    thread: str
    checkpoint: str = ""


@dataclass(frozen=True)
class StepBegun:
    """The agent begins a step (1, 2, ...): what the steps before it wrote is on disk."""

    run_uid: str
    pod: str
    step: int


@dataclass(frozen=True)
class Cleaned:
    """A clean-up removed what the run had written."""

    run_uid: str


@dataclass(frozen=True)
class StoreRead:
    """How many checkpoints of a run the store has now."""

    run_uid: str
    count: int
    ids: frozenset[str] | None = None  # None: the recorder only counts them


@dataclass(frozen=True)
class ThreadRead:
    """The thread's newest checkpoint now; ``buried``: the runs that were rolled back there."""

    thread: str
    newest: str | None
    buried: frozenset[str]
    exists: bool = True
    reader: Process | None = None  # the agent that starts from it


@dataclass(frozen=True)
class StateRead:
    """The steps in the state of a thread, by the UID of the run that made them, in order."""

    thread: str
    steps: Mapping[str, list[int]]


@dataclass(frozen=True)
class Shown:
    """Pods of the run whose status at the API server says now that the agent has succeeded."""

    run_uid: str
    pods: tuple[str, ...]


@dataclass(frozen=True)
class Attempt:
    """One start of an agent, and how it ended, as its node has it."""

    started_at: datetime | None
    timed_out: bool  # by the run's own deadline
    failed: bool  # by itself or with its node
    evicted: bool
    overused: bool
    killed: bool


@dataclass(frozen=True)
class Ran:
    """All attempts of a run until now."""

    run_uid: str
    attempts: tuple[Attempt, ...]
    shown: frozenset[str]  # when they were started, by those of its pods that are still there
    disturbed: bool  # whether a user deleted, evicted or changed its Job or a pod of it


@dataclass(frozen=True)
class Befell:
    """Something that excuses violations (``excuses.py``) befell a run, a Job or a pod."""

    uid: str
    what: str


@dataclass(frozen=True)
class Settled:
    """No more faults, and time enough: what has not come to its end, by the UID of its run."""

    open: tuple[tuple[str, str], ...]


@dataclass(frozen=True)
class Failures:
    """What failed in the operator's code since the last such event."""

    texts: tuple[str, ...]


Event = (
    RunWritten
    | Requested
    | JobMade
    | JobRequested
    | ProcessStarted
    | ProcessEnded
    | Completed
    | Wrote
    | StepBegun
    | Cleaned
    | StoreRead
    | ThreadRead
    | StateRead
    | Shown
    | Ran
    | Befell
    | Settled
    | Failures
)
