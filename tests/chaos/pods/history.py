"""All that was seen of a campaign's runs, as it was seen."""

from collections import defaultdict
from dataclasses import dataclass, field
from typing import NamedTuple

from e2e.kubectl import Object
from e2e.run import FINAL
from e2e.store import StoreCopy
from judge.record import REMOVED

from .looks import Life, Looks


class State(NamedTuple):
    phase: str  # or REMOVED
    seen_at: float


class Sighting(NamedTuple):
    """The AgentRun as a watch told it; ``gone``: it was removed."""

    at: float
    run: Object
    gone: bool


class Begin(NamedTuple):
    """The agent said that it begins a step, and so that all before it are on disk."""

    at: float
    pod: str
    step: int


@dataclass
class RunHistory:
    """What was seen of one run."""

    sightings: list[Sighting] = field(default_factory=list)
    jobs: set[str] = field(default_factory=set)  # uids of all that were ever seen
    begins: list[Begin] = field(default_factory=list)
    asked: list[str] = field(default_factory=list)  # names of the deeds that took effect

    def __str__(self) -> str:
        seen = ", ".join(f"{state.phase} {state.seen_at:.3f}" for state in self.states)
        return f"{self.name} on {self.thread}: requested {self.asked}, seen {seen}"

    @property
    def last(self) -> Object:
        return self.sightings[-1].run

    @property
    def states(self) -> list[State]:
        """The phases that it went through."""
        states: list[State] = []
        for at, run, gone in self.sightings:
            phase = REMOVED if gone else run.get("status", {}).get("phase", "Pending")
            if not states or states[-1].phase != phase:
                states.append(State(phase, at))
        return states

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
    def end(self) -> State | None:
        """Its first final phase, or its removal."""
        return next((state for state in self.states if state.phase in (*FINAL, REMOVED)), None)


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
