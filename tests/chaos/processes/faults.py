"""Which fault hits which request: drawn from a seed, and counted by kind when it has hit."""

from collections import Counter
from dataclasses import dataclass
from enum import StrEnum
from random import Random

WRITES = ("POST", "PATCH", "PUT", "DELETE")


class Fault(StrEnum):
    """The names are those that the table shows."""

    # Answered by the proxy; the API server never sees the request.
    CONFLICT = "409 or 422 on a write"
    TOO_MANY = "429 with Retry-After"
    INTERNAL = "500"
    UNAVAILABLE = "503"
    RESET = "connection reset before the request"
    # The request is served.
    ANSWER_LOST = "write landed, connection reset"
    TIMED_OUT = "write landed, 504 answered"
    HELD = "request held back"
    GIVEN_UP = "request held back until its sender gave up"
    STALE = "answer held back (a stale read)"
    # The sender dies.
    KILLED_BEFORE = "SIGKILL before a write"
    KILLED_LATE = "SIGKILL before a write, which lands later"
    KILLED_AFTER = "SIGKILL after a write, before its answer"
    # Watches.
    CUT = "watch cut"
    SILENT = "watch silent"
    GONE = "watch 410 with deletions in the gap"
    # What hits no single request.
    OUTAGE = "API server away for seconds"
    KILLED = "SIGKILL at any time"
    ENDED = "SIGTERM"
    FROZEN = "frozen for longer than its lease"
    CLOCK = "started with a clock that is minutes off"
    SECOND = "started beside a leader, without regard to its lease"
    # Nodes and people.
    NODE_SILENT = "node silent for seconds"
    NODE_REBOOTED = "node rebooted"
    POD_EVICTED = "pod evicted (API)"
    KUBELET_EVICTED = "pod evicted (kubelet)"
    CLEANUP_KILLED = "clean-up killed half-way"
    JOB_DELETED = "Job deleted by hand"
    POD_DELETED = "pod deleted by hand"
    FINALIZER_OFF = "finalizer taken off by hand"


_ANY = {
    Fault.TOO_MANY: 2.0,
    Fault.INTERNAL: 2.0,
    Fault.UNAVAILABLE: 2.0,
    Fault.RESET: 2.0,
    Fault.HELD: 3.0,
    Fault.STALE: 3.0,
}
_WRITE = {
    Fault.CONFLICT: 2.0,
    Fault.ANSWER_LOST: 3.0,
    Fault.TIMED_OUT: 2.0,
    Fault.GIVEN_UP: 1.0,
    Fault.KILLED_BEFORE: 0.35,
    Fault.KILLED_LATE: 0.35,
    Fault.KILLED_AFTER: 0.35,
}
_WATCH = {Fault.CUT: 3.0, Fault.SILENT: 2.0, Fault.GONE: 4.0}
_SHARE_OF_READS, _SHARE_OF_WRITES, _SHARE_OF_WATCHES = 0.05, 0.18, 0.6
# What each start reads: which resources there are.
_SHARE_OF_DISCOVERY = 0.01
_PLURALS = ("/agentruns", "/agents", "/jobs", "/pods")
# A lease that is lost ends its holder: seldom enough for something to get done between.
_SHARE_OF_LEASES = 0.01


@dataclass(frozen=True)
class Call:
    """A request of an operator."""

    method: str
    path: str
    watches: bool = False

    @property
    def writes(self) -> bool:
        return self.method in WRITES

    @property
    def creates_job(self) -> bool:
        return self.method == "POST" and self.path.endswith("/jobs")

    @property
    def run_read(self) -> str | None:
        """The name of the run that is read from the API server, past every cache."""
        parts = self.path.split("/")
        reads = self.method == "GET" and len(parts) >= 2 and parts[-2] == "agentruns"
        return parts[-1] if reads else None


class Faults:
    def __init__(self, rng: Random) -> None:
        self._rng = rng
        self.on = False
        self.hits: Counter[Fault] = Counter()

    def hit(self, fault: Fault) -> None:
        self.hits[fault] += 1

    def draw(self, call: Call) -> Fault | None:
        """What is to befall the call; it counts only when it has."""
        if not self.on or self._rng.random() > _share(call):
            return None
        weights = _weights(call)
        (fault,) = self._rng.choices(list(weights), list(weights.values()))
        return fault


def _share(call: Call) -> float:
    if "/leases" in call.path:
        return _SHARE_OF_LEASES
    if not call.path.endswith(_PLURALS) and not call.writes and not call.run_read:
        return _SHARE_OF_DISCOVERY
    if call.watches:
        return _SHARE_OF_WATCHES
    return _SHARE_OF_WRITES if call.writes else _SHARE_OF_READS


def _weights(call: Call) -> dict[Fault, float]:
    if call.watches:
        return _WATCH
    if not call.writes:
        return _ANY
    weights = _ANY | _WRITE
    if call.method == "DELETE":
        # The server itself repeats a delete that met with another write, and answers 409 only if
        # the object is another by now: to say so of the right object would be a lie.
        del weights[Fault.CONFLICT]
    return weights


def refusal(fault: Fault, call: Call, is_json_patch: bool) -> tuple[int, str, dict[str, str]]:
    """Status, reason and headers of an answer that the API server might give itself."""
    match fault:
        case Fault.CONFLICT if is_json_patch:
            return 422, "Invalid", {}  # the test in the patch failed
        case Fault.CONFLICT:
            # A patch that met with others too often, or a create with the quota's counter.
            return 409, "Conflict", {}
        case Fault.TOO_MANY:
            return 429, "TooManyRequests", {"Retry-After": "1"}
        case Fault.INTERNAL:
            return 500, "InternalError", {}
        case Fault.UNAVAILABLE:
            return 503, "ServiceUnavailable", {}
    raise AssertionError(fault)
