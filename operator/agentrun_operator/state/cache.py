"""The last known state of everything that is watched.

Written by the watches and by the answers to our own writes, so that a decision never runs behind
what this process itself has done. An older version of an object never replaces a newer one. Only
records are kept (records.py), and all that a decision about one run needs is found by an index.
"""

from collections import OrderedDict
from collections.abc import Hashable, Iterator

from agentrun_kube.objects import Object
from agentrun_kube.v1alpha1.agent import Agent
from agentrun_kube.v1alpha1.agent_run import AgentRun

from ..facts.pods import PodFacts
from .records import AgentRecord, JobRecord, PodRecord, Record, RunRecord
from .thread_index import ThreadIndex
from .workqueue import Key, Reconciler

Name = tuple[str, str]  # namespace, name

GONE_KEPT = 10_000
GONE_PODS_KEPT = 20  # pods of one run: a start that was written down is not looked for any more


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
            return gone.own_keys(self)
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

    def has(self, plural: str, meta: Object) -> bool:
        """Whether the object with this metadata is here already, or a newer one of its name."""
        known = self.record(plural, meta.get("namespace", ""), meta.get("name", ""))
        return known is not None and known.version >= int(meta["resourceVersion"])

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
        for found in self.find("runs of claim", namespace, claim_name):
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

    def cleanup_jobs(self, namespace: str, claim: str) -> Iterator[JobRecord]:
        """The clean-up Jobs of a claim."""
        for job in self.find("cleanups", namespace, claim):
            if isinstance(job, JobRecord) and job.cleanup is not None:
                yield job

    def gone_pods(self, run_uid: str) -> tuple[PodFacts, ...]:
        return self._departed.get(run_uid, ())

    def is_wanted(self, record: Record) -> bool:
        """Whether a run that is here still has to learn of the Job's or pod's end."""
        keys = [key for key in record.own_keys(self) if key.reconciler == Reconciler.RUN]
        runs = [self.run(key.namespace, key.name) for key in keys]
        return any(run is not None and (not run.finished or run.deleting) for run in runs)

    def find(self, *index: Hashable) -> list[Record]:
        """Records by one of their indexes (records.py)."""
        return list(self._index.get(index, {}).values())

    # Inside

    def _of(self, record: Record) -> Record | None:
        return self._kinds.get(record.plural, {}).get(_name(record))

    def _pods(self, *key: Hashable) -> list[PodRecord]:
        return [pod for pod in self.find(*key) if isinstance(pod, PodRecord)]

    def _change(self, old: Record | None, new: Record | None) -> set[Key]:
        record = new or old
        assert record is not None
        name, kind = _name(record), self._kinds.setdefault(record.plural, {})
        for key in () if old is None else old.indexes():
            del self._index[key][name]
            if not self._index[key]:
                del self._index[key]
        if new is None:
            del kind[name]
        else:
            kind[name] = new
            for key in new.indexes():
                self._index.setdefault(key, {})[name] = new
        is_news = old is None or new is None or new.is_news(old)
        own = record.own_keys(self) if is_news else set()
        names = record.waiting(old, new, self)
        return own | {Key(Reconciler.RUN, record.namespace, name) for name in names}

    def _remember(self, pod: PodRecord) -> None:
        run = self.run(pod.namespace, pod.run_name)
        if run is not None and pod.of_agent and pod.facts.run_uid == run.metadata.uid:
            seen = (*self._departed.get(run.metadata.uid, ()), pod.facts)
            self._departed[run.metadata.uid] = seen[-GONE_PODS_KEPT:]


def _name(record: Record) -> Name:
    return record.namespace, record.name
