"""All that was seen of a campaign's runs, whoever saw it."""

from collections import defaultdict
from dataclasses import dataclass, field
from typing import NamedTuple

from e2e.kubectl import Object
from e2e.run import FINAL
from e2e.store import StoreCopy

from .looks import Life, Looks

REMOVED = "Removed"


class State(NamedTuple):
    phase: str  # or REMOVED
    seen_at: float


class Begin(NamedTuple):
    """The agent said that it begins a step, and so that all before it are on disk."""

    at: float
    pod: str
    step: int


@dataclass
class RunHistory:
    """What was seen of one run."""

    last: Object = field(default_factory=dict)  # the AgentRun
    states: list[State] = field(default_factory=list)
    jobs: set[str] = field(default_factory=set)  # uids of all that were ever seen
    begins: list[Begin] = field(default_factory=list)
    asked: list[str] = field(default_factory=list)  # names of the deeds that took effect

    def __str__(self) -> str:
        seen = ", ".join(f"{state.phase} {state.seen_at:.3f}" for state in self.states)
        return f"{self.name} on {self.thread}: asked for {self.asked}, seen {seen}"

    @property
    def name(self) -> str:
        return str(self.last["metadata"]["name"])

    @property
    def uid(self) -> str:
        return str(self.last["metadata"]["uid"])

    @property
    def thread(self) -> str:
        """The thread's directory in the store."""
        thread = self.last["spec"].get("thread")
        return f"threads/{thread}" if thread else f"stateless/{self.uid}"

    @property
    def cancel(self) -> str | None:
        cancel: str | None = self.last["spec"].get("cancel")
        return cancel

    @property
    def end(self) -> State | None:
        """Its first final phase, or its removal."""
        return next((state for state in self.states if state.phase in (*FINAL, REMOVED)), None)

    @property
    def deleted_alive(self) -> bool:
        """Whether it went because somebody deleted it while it lived."""
        gone = self.end is not None and self.end.phase == REMOVED
        return gone and self.cancel != "rollback"

    @property
    def reclaims(self) -> bool:
        """Whether its checkpoints go with it, if it is deleted while it lives."""
        return self.last["spec"].get("reclaimPolicy") == "Delete" or "stateless/" in self.thread

    @property
    def is_cleaned(self) -> bool:
        """Whether its checkpoints have to be gone."""
        if self.end is None:
            return False
        return self.cancel == "rollback" or (self.deleted_alive and self.reclaims)

    @property
    def may_be_cleaned(self) -> bool:
        """Whether its checkpoints may be there or gone: it was deleted after its end."""
        return REMOVED in [state.phase for state in self.states] and self.reclaims

    @property
    def acknowledged(self) -> int:
        """How many of its steps are on disk for certain, as its agent said."""
        return max((begin.step - 1 for begin in self.begins), default=0)


@dataclass
class StoreFacts:
    """What is in the store in the end."""

    checkpoints: dict[str, set[str]] = field(default_factory=lambda: defaultdict(set))
    """Ids by run uid."""
    marks: dict[str, list[str]] = field(default_factory=dict)
    """What the agents left in the newest state of each named thread, by its directory."""


@dataclass
class History:
    runs: dict[str, RunHistory] = field(default_factory=lambda: defaultdict(RunHistory))  # by uid
    looks: Looks = field(default_factory=Looks)
    store: StoreFacts = field(default_factory=StoreFacts)

    def lives(self, run: RunHistory) -> list[Life]:
        """The pods of a run that were seen alive."""
        return [life for life in self.looks.lives.values() if life.run_uid == run.uid]


def store_facts(store: StoreCopy, history: History) -> StoreFacts:
    """What the store's own code reads in it."""
    facts = StoreFacts()
    for thread in store.threads():
        for uid in store.segments(thread):
            facts.checkpoints[uid] |= store.checkpoints_of(thread, uid)
        kind, _, name = thread.partition("/")
        if kind == "threads":
            facts.marks[thread] = store.state(name).values.get("done", [])
    for run in history.runs.values():
        if run.thread.startswith("threads/"):
            facts.marks.setdefault(run.thread, [])
    return facts
