"""What the watches have said last, and which run each object concerns.

Written by the watches and by the answers to our own writes, so that a decision never runs behind
what this process itself has done. An older version of an object never replaces a newer one. Only
records are kept (records.py), and all that a decision about one run needs is found by an index.
"""

from collections import OrderedDict
from collections.abc import Hashable, Iterator

from agentrun_kube.objects import Object
from agentrun_kube.v1alpha1.agent import Agent
from agentrun_kube.v1alpha1.agent_run import AgentRun
from agentrun_kube.vocabulary import Phase

from ..facts.cleanups import cleanup_runs
from ..facts.pods import PodFacts
from ..facts.runs import awaits_cleanup
from .records import AgentRecord, JobRecord, PodRecord, Record, RunRecord
from .thread_index import ThreadIndex
from .workqueue import Key

Name = tuple[str, str]  # namespace, name

GONE_KEPT = 10_000
DEPARTED_KEPT = 20  # pods of one run: a start that was written down is not looked for any more


class Cache:
    def __init__(self) -> None:
        self._kinds: dict[str, dict[Name, Record]] = {}
        self._index: dict[tuple[Hashable, ...], dict[Name, Record]] = {}
        self.threads = ThreadIndex()
        self._departed: dict[str, tuple[PodFacts, ...]] = {}  # by run UID
        # Versions at which objects went: the answer to a write of ours may come after the watch has
        # already said that the object is gone, and must not bring it back.
        self._gone: OrderedDict[tuple[str, Name], int] = OrderedDict()

    # What comes in

    def upsert(self, new: Record) -> set[Key] | None:
        """Take it in: the keys that the change is for. None if it is here already, or a newer."""
        old = self._of(new)
        gone = self._gone.get((new.plural, _name(new)), 0)
        if new.version <= max(old.version if old else 0, gone):
            return None
        keys: set[Key] = set()
        if old is not None and old.uid != new.uid:
            keys = self.remove(old)
            old = None
        return keys | self._change(old, new)

    def remove(self, gone: Record) -> set[Key]:
        """Take it out, unless a later one of its name is here: the keys that its going is for."""
        where = gone.plural, _name(gone)
        self._gone[where] = max(gone.version, self._gone.pop(where, 0))
        if len(self._gone) > GONE_KEPT:
            self._gone.popitem(last=False)
        old = self._of(gone)
        if old is None or old.uid != gone.uid:
            return self.own_keys(gone)
        keys = self._change(old, None)
        if isinstance(old, PodRecord):
            # The watch hands over the last state; without it, what was here is the last known.
            last = gone if gone.version >= old.version else old
            assert isinstance(last, PodRecord)
            self._remember(last)
        if isinstance(old, RunRecord):
            self._departed.pop(old.uid, None)
        return keys

    def missing(self, plural: str, listed: set[Name], version: int) -> list[Record]:
        """What is here and was not in a full list of the kind, read at that version."""
        return [
            record
            for name, record in self._kinds.get(plural, {}).items()
            if name not in listed and record.version <= version
        ]

    # Questions

    def all(self, plural: str) -> list[Record]:
        return list(self._kinds.get(plural, {}).values())

    def record(self, plural: str, namespace: str, name: str) -> Record | None:
        return self._kinds.get(plural, {}).get((namespace, name))

    def run(self, namespace: str, name: str) -> AgentRun | None:
        found = self.record("agentruns", namespace, name)
        return found.run if isinstance(found, RunRecord) else None

    def agent(self, namespace: str, name: str) -> Agent | None:
        found = self.record("agents", namespace, name)
        return found.agent if isinstance(found, AgentRecord) else None

    def job(self, namespace: str, name: str) -> JobRecord | None:
        found = self.record("jobs", namespace, name)
        return found if isinstance(found, JobRecord) else None

    def runs_of_claim(self, namespace: str, claim_name: str) -> Iterator[AgentRun]:
        """The runs that wait to be cleaned from that claim."""
        for found in self._find("runs of claim", namespace, claim_name):
            if isinstance(found, RunRecord):
                yield found.run

    def pods_of_run(self, uid: str) -> list[PodRecord]:
        """Pods that carry the UID of the run, whatever made them."""
        return self._pods("pods of run", uid)

    def pods_of_job(self, uid: str) -> list[PodRecord]:
        return self._pods("pods of job", uid)

    def pods_named_for(self, namespace: str, run_name: str) -> list[PodRecord]:
        return self._pods("pods named for", namespace, run_name)

    def pods_on_thread(self, namespace: str, thread: str) -> list[PodRecord]:
        return self._pods("pods on thread", namespace, thread)

    def cleanups(self, namespace: str, claim: str) -> Iterator[tuple[Object, list[Object]]]:
        """The clean-up Jobs of a claim, each with its pods, as cleanup_facts.py reads them."""
        for job in self._find("cleanups", namespace, claim):
            if isinstance(job, JobRecord) and job.cleanup is not None:
                pods = self._pods("pods of job", job.uid)
                yield job.cleanup, [pod.cleanup for pod in pods if pod.cleanup is not None]

    def departed(self, run_uid: str) -> tuple[PodFacts, ...]:
        return self._departed.get(run_uid, ())

    def is_wanted(self, record: Record) -> bool:
        """Whether a run that is here still has to learn of the Job's or pod's end."""
        keys = [key for key in self.own_keys(record) if key.kind == "run"]
        runs = [self.run(key.namespace, key.name) for key in keys]
        return any(run is not None and (not run.finished or run.deleting) for run in runs)

    def own_keys(self, record: Record) -> set[Key]:
        """The keys of the work queue that say what to do about the object itself."""
        space = record.namespace
        if isinstance(record, RunRecord):
            return {Key("run", space, record.name)}
        if isinstance(record, PodRecord) and record.cleanup is not None:
            job = self.job(space, record.job_name)
            return set() if job is None else self.own_keys(job)
        if isinstance(record, JobRecord) and record.cleanup is not None:
            claims = set() if record.claim is None else {Key("claim", space, record.claim)}
            return claims | {Key("run", space, n) for n in cleanup_runs(record.cleanup).values()}
        if isinstance(record, JobRecord | PodRecord) and record.run_name:
            return {Key("run", space, record.run_name)}
        return set()

    # Inside

    def _of(self, record: Record) -> Record | None:
        return self._kinds.get(record.plural, {}).get(_name(record))

    def _find(self, *key: Hashable) -> list[Record]:
        return list(self._index.get(key, {}).values())

    def _pods(self, *key: Hashable) -> list[PodRecord]:
        return [pod for pod in self._find(*key) if isinstance(pod, PodRecord)]

    def _change(self, old: Record | None, new: Record | None) -> set[Key]:
        record = new or old
        assert record is not None
        name, kind = _name(record), self._kinds.setdefault(record.plural, {})
        for key in () if old is None else _index_keys(old):
            del self._index[key][name]
            if not self._index[key]:
                del self._index[key]
        if new is None:
            del kind[name]
        else:
            kind[name] = new
            for key in _index_keys(new):
                self._index.setdefault(key, {})[name] = new
        own = set() if _says_the_same(old, new) else self.own_keys(record)
        return own | self._woken(old, new)

    def _woken(self, old: Record | None, new: Record | None) -> set[Key]:
        """Keys of other runs that waited for this change."""
        names: set[str] = set()
        record = new or old
        assert record is not None
        if isinstance(record, RunRecord):
            before, after = _run_of(old), _run_of(new)
            names = self.threads.change(before, after)
        elif isinstance(record, AgentRecord):
            runs = self._find("runs of agent", record.namespace, record.name)
            names = {found.name for found in runs}
        elif isinstance(record, PodRecord) and record.thread and record.of_agent:
            ended = isinstance(old, PodRecord) and old.facts.alive
            ended = ended and not (isinstance(new, PodRecord) and new.facts.alive)
            names = self.threads.head(record.namespace, record.thread) if ended else set()
        return {Key("run", record.namespace, name) for name in names}

    def _remember(self, pod: PodRecord) -> None:
        run = self.run(pod.namespace, pod.run_name)
        if run is not None and pod.of_agent and pod.facts.run_uid == run.metadata.uid:
            seen = (*self._departed.get(run.metadata.uid, ()), pod.facts)
            self._departed[run.metadata.uid] = seen[-DEPARTED_KEPT:]


def _run_of(record: Record | None) -> AgentRun | None:
    return record.run if isinstance(record, RunRecord) else None


def _says_the_same(old: Record | None, new: Record | None) -> bool:
    """Whether a run has changed in nothing that decisions look at: in the words of a message only.

    Its own status is no news to a run. Else a refusal in ever new words, of a webhook that numbers
    its answers, would be tried again at once, for ever.
    """
    before, after = _run_of(old), _run_of(new)
    return before is not None and after is not None and _wordless(before) == _wordless(after)


def _wordless(run: AgentRun) -> AgentRun:
    has_place = run.spec.thread is None or run.queued is not None  # else its version is its place
    version = "" if has_place else run.metadata.resource_version
    metadata = run.metadata.model_copy(update={"resource_version": version})
    conditions = tuple(c.model_copy(update={"message": ""}) for c in run.status.conditions)
    status = run.status.model_copy(update={"conditions": conditions})
    return run.model_copy(update={"metadata": metadata, "status": status})


def _name(record: Record) -> Name:
    return record.namespace, record.name


def _index_keys(record: Record) -> list[tuple[Hashable, ...]]:
    keys: list[tuple[Hashable, ...]] = []
    space = record.namespace
    if isinstance(record, RunRecord):
        run = record.run
        if run.status.claim_name is not None and awaits_cleanup(run):
            keys.append(("runs of claim", space, run.status.claim_name))
        if run.status.phase == Phase.PENDING:  # later, what the Agent says changes nothing
            keys.append(("runs of agent", space, run.spec.agent_ref.name))
    elif isinstance(record, PodRecord):
        keys.append(("pods of run", record.facts.run_uid))
        keys.append(("pods of job", record.owner_uid))
        if record.of_agent and record.run_name:
            keys.append(("pods named for", space, record.run_name))
        if record.of_agent and record.thread:
            keys.append(("pods on thread", space, record.thread))
    elif isinstance(record, JobRecord) and record.claim is not None:
        keys.append(("cleanups", space, record.claim))
    return keys
