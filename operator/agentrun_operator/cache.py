"""What the watches have said last, and which run each object concerns.

Written by the watches and by the answers to our own writes, so that a decision never runs behind
what this process itself has done. An older version of an object never replaces a newer one.
"""

from collections import OrderedDict
from collections.abc import Iterator
from typing import Any

from .cleanup_facts import cleanup_runs
from .constants import (
    ANNOTATION_CLAIM,
    COMPONENT_CLEANUP,
    FINAL_PHASES,
    FINALIZER,
    LABEL_COMPONENT,
    LABEL_JOB,
    LABEL_RUN,
)
from .facts import PodFacts, is_pod_of, labels, pod_facts
from .models import Agent, AgentRun
from .workqueue import Key

Object = dict[str, Any]
ObjectKey = tuple[str, str, str]  # plural, namespace, name

GONE_KEPT = 10_000


class Cache:
    def __init__(self) -> None:
        self._objects: dict[ObjectKey, Object] = {}
        self._by_namespace: dict[tuple[str, str], set[str]] = {}
        self._departed: dict[str, list[PodFacts]] = {}  # by run UID
        # Versions at which objects went: the answer to a write of ours may come after the watch has
        # already said that the object is gone, and must not bring it back.
        self._gone: OrderedDict[ObjectKey, int] = OrderedDict()

    def upsert(self, plural: str, obj: Object) -> bool:
        """Take the object in. False if the same or a newer version is here already."""
        key = self._key(plural, obj)
        old = self._objects.get(key)
        if _version(obj) <= max(_version(old) if old else 0, self._gone.get(key, 0)):
            return False
        if old is not None and old["metadata"]["uid"] != obj["metadata"]["uid"]:
            self.remove(plural, old)
        self._objects[key] = obj
        self._by_namespace.setdefault(key[:2], set()).add(key[2])
        return True

    def remove(self, plural: str, obj: Object) -> None:
        """Take the object out, unless a later one of the same name is here already."""
        key = self._key(plural, obj)
        self._gone[key] = max(_version(obj), self._gone.pop(key, 0))
        if len(self._gone) > GONE_KEPT:
            self._gone.popitem(last=False)
        old = self._objects.get(key)
        if old is None or old["metadata"]["uid"] != obj["metadata"]["uid"]:
            return
        del self._objects[key]
        self._by_namespace[key[:2]].discard(key[2])
        if plural == "pods":
            # The watch hands over the last state; without it, what was here is the last known.
            last = obj if _version(obj) >= _version(old) else old
            run = self.run(key[1], labels(last).get(LABEL_RUN, ""))
            if run is not None and is_pod_of(run, last):
                self._departed.setdefault(run.metadata.uid, []).append(pod_facts(last))
        if plural == "agentruns":
            self._departed.pop(obj["metadata"]["uid"], None)

    def replace(self, plural: str, objects: list[Object], version: int) -> list[Object]:
        """Take in a full list of the kind, read at that version. Returns what it lacks."""
        for obj in objects:
            self.upsert(plural, obj)
        listed = {self._key(plural, obj) for obj in objects}
        return [
            obj
            for key, obj in self._objects.items()
            if key[0] == plural and key not in listed and _version(obj) <= version
        ]

    def get(self, plural: str, namespace: str, name: str) -> Object | None:
        return self._objects.get((plural, namespace, name))

    def all(self, plural: str, namespace: str | None = None) -> Iterator[Object]:
        if namespace is not None:
            for name in sorted(self._by_namespace.get((plural, namespace), ())):
                yield self._objects[plural, namespace, name]
            return
        yield from [obj for key, obj in self._objects.items() if key[0] == plural]

    def run(self, namespace: str, name: str) -> AgentRun | None:
        obj = self.get("agentruns", namespace, name)
        return AgentRun.model_validate(obj) if obj else None

    def runs_of_thread(self, namespace: str, thread: str) -> Iterator[AgentRun]:
        for obj in self.all("agentruns", namespace):
            if obj["spec"].get("thread") == thread:
                yield AgentRun.model_validate(obj)

    def runs_of_claim(self, namespace: str, claim_name: str) -> Iterator[AgentRun]:
        for obj in self.all("agentruns", namespace):
            if obj.get("status", {}).get("claimName") == claim_name:
                yield AgentRun.model_validate(obj)

    def agent(self, namespace: str, name: str) -> Agent | None:
        obj = self.get("agents", namespace, name)
        return Agent.model_validate(obj) if obj else None

    def departed(self, run_uid: str) -> tuple[PodFacts, ...]:
        return tuple(self._departed.get(run_uid, ()))

    def is_wanted(self, plural: str, obj: Object) -> bool:
        """Whether a run that is here still has to learn of the Job's or pod's end."""
        keys = [key for key in self.concerned(plural, obj) if key.kind == "run"]
        runs = [self.run(key.namespace, key.name) for key in keys]
        return any(run is not None and (not run.finished or run.deleting) for run in runs)

    def concerned(self, plural: str, obj: Object, *, gone: bool = False) -> Iterator[Key]:
        """The keys of the work queue that a change of this object, or its going, is for."""
        meta = obj["metadata"]
        namespace = meta["namespace"]
        if plural == "agentruns":
            yield Key("run", namespace, meta["name"])
            thread = obj["spec"].get("thread")
            lets_go = (
                gone
                or obj.get("status", {}).get("phase") in FINAL_PHASES
                or FINALIZER not in meta.get("finalizers", [])
            )
            if thread is not None and lets_go:
                for other in self.all("agentruns", namespace):
                    if other["spec"].get("thread") == thread:
                        yield Key("run", namespace, other["metadata"]["name"])
        elif plural == "agents":
            for other in self.all("agentruns", namespace):
                if other["spec"]["agentRef"]["name"] == meta["name"]:
                    yield Key("run", namespace, other["metadata"]["name"])
        elif labels(obj).get(LABEL_COMPONENT) == COMPONENT_CLEANUP:
            yield from self._concerned_by_cleanup(plural, obj)
        elif LABEL_RUN in labels(obj):
            yield Key("run", namespace, labels(obj)[LABEL_RUN])

    def _concerned_by_cleanup(self, plural: str, obj: Object) -> Iterator[Key]:
        namespace = obj["metadata"]["namespace"]
        job: Object | None = obj
        if plural == "pods":
            job = self.get("jobs", namespace, labels(obj).get(LABEL_JOB, ""))
        if job is None:
            return
        annotations = job["metadata"].get("annotations") or {}
        if ANNOTATION_CLAIM in annotations:
            yield Key("claim", namespace, annotations[ANNOTATION_CLAIM])
        for name in cleanup_runs(job).values():
            yield Key("run", namespace, name)

    @staticmethod
    def _key(plural: str, obj: Object) -> ObjectKey:
        return plural, obj["metadata"]["namespace"], obj["metadata"]["name"]


def _version(obj: Object) -> int:
    # Comparing resource versions as numbers is what the API promises since Kubernetes 1.35:
    # https://kubernetes.io/docs/reference/using-api/api-concepts/#resource-versions
    return int(obj["metadata"]["resourceVersion"])
