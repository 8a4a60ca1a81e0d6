"""A namespace for one test, with a store and with agents."""

import itertools
import json
import tempfile
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from .kubectl import Object, create, delete, get, kubectl, wait_until
from .run import Run
from .store import StoreCopy, copy_store

AGENTS = Path(__file__).parent / "agents"
LABEL = "agentrun.dev/e2e"
INSTANCE = "agentrun.dev/instance"
_numbers = itertools.count(1)


class Namespace:
    """A namespace that enforces the "restricted" Pod Security Standard."""

    def __init__(self, name: str, scratch: Path) -> None:
        self.name = name
        self.instance: str | None = None  # the operator that works on its runs
        self._scratch = scratch
        self._agents: set[str] = set()  # the existing ones of those in agents/

    def set_up(self, session: str) -> None:
        """Create it, with a PVC for the store and the modules of agents/."""
        labels = {"pod-security.kubernetes.io/enforce": "restricted", LABEL: session}
        metadata = {"name": self.name, "labels": labels}
        create({"apiVersion": "v1", "kind": "Namespace", "metadata": metadata})
        # A namespace without it accepts no pod; the controller manager creates it a moment later.
        default = "--field-selector=metadata.name=default"
        wait_until("is there", "serviceaccount", self.name, bool, default)
        modules = {path.name: path.read_text() for path in sorted(AGENTS.glob("*.py"))}
        self.create(claim("agentrun-store"), config_map("agents", modules))

    def remove(self) -> None:
        """Delete it, without waiting for its end."""
        if get("namespace", "", self.name) is not None:
            delete("namespace", "", self.name)

    def create(self, *objects: Object) -> None:
        """Create objects in the namespace. Raises KubectlError."""
        self._make_agents(objects)
        create(*(self.own(obj) for obj in objects))

    def apply(self, *objects: Object) -> str:
        """kubectl apply objects in the namespace; returns its output. Raises KubectlError."""
        self._make_agents(objects)
        items = [self.own(obj) for obj in objects]
        manifest = {"apiVersion": "v1", "kind": "List", "items": items}
        return kubectl("apply", "-f-", stdin=json.dumps(manifest))

    def replace(self, obj: Object) -> None:
        """Replace an existing object by this one (PUT). Raises KubectlError."""
        kubectl("replace", "-f-", stdin=json.dumps(put_into(self.name, obj)))

    def run(self, agent: str, name: str | None = None, **spec: Any) -> Run:
        """Create an AgentRun. Raises KubectlError with the API server's message."""
        manifest = agent_run(name or f"run-{next(_numbers)}", agent, **spec)
        self._make_agents([manifest])
        (made,) = create(self.own(manifest))
        return Run(self.name, made)

    def existing_run(self, name: str) -> Run:
        """An AgentRun that exists already."""
        found = get("ar", self.name, name)
        assert found is not None, f"there is no AgentRun {name}"
        return Run(self.name, found)

    def held_run(self, thread: str | None = "t", hold: int = 3, **spec: Any) -> Run:
        """A run of the agent `steps` that waits in step ``hold``, the last but one.

        The store has acknowledged all steps before it.
        """
        config = {"configurable": {"hold": hold}}
        options: dict[str, Any] = {"input": {"steps": hold + 1}, "config": config} | spec
        if thread is not None:
            options["thread"] = thread
        run = self.run("steps", **options)
        run.wait_step(hold)
        return run

    def _make_agents(self, objects: Iterable[Object]) -> None:
        """Create the Agents of the runs among the objects that are a file of agents/, each once."""
        for run in (obj for obj in objects if obj["kind"] == "AgentRun"):
            name = run["spec"]["agentRef"]["name"]
            module = name.replace("-", "_")
            if name not in self._agents and (AGENTS / f"{module}.py").exists():
                self._agents.add(name)
                create(put_into(self.name, agent(module, graph=f"{module}:graph")))

    def run_of_generated_name(self, prefix: str, agent: str, **spec: Any) -> Run:
        """Create an AgentRun that the API server names."""
        manifest = agent_run("", agent, **spec)
        manifest["metadata"] = {"generateName": prefix}
        self._make_agents([manifest])
        (made,) = create(self.own(manifest))
        return Run(self.name, made)

    def own(self, obj: Object) -> Object:
        """The object with this namespace; a run also with the label of the namespace's operator."""
        if self.instance is not None and obj["kind"] == "AgentRun":
            labels = obj["metadata"].get("labels", {}) | {INSTANCE: self.instance}
            obj = obj | {"metadata": obj["metadata"] | {"labels": labels}}
        return put_into(self.name, obj)

    def store(self) -> StoreCopy:
        """A copy of the store as it is now."""
        return copy_store(self.name, Path(tempfile.mkdtemp(dir=self._scratch)))


def agent_run(name: str, agent: str, **spec: Any) -> Object:
    """The manifest of an AgentRun."""
    return {
        "apiVersion": "agentrun.dev/v1alpha1",
        "kind": "AgentRun",
        "metadata": {"name": name},
        "spec": {"agentRef": {"name": agent}, **spec},
    }


def agent(name: str, *, graph: str | None = None, **spec: Any) -> Object:
    """The manifest of an Agent; with ``graph`` one whose module comes from agents/."""
    if graph is not None:
        spec["runtime"] = {"langgraph": {"graph": graph}}
        spec["code"] = {"configMap": {"name": "agents"}}
    return {
        "apiVersion": "agentrun.dev/v1alpha1",
        "kind": "Agent",
        "metadata": {"name": name.replace("_", "-")},
        "spec": spec,
    }


def command_agent(name: str, *command: str, **spec: Any) -> Object:
    """The manifest of an Agent that runs a program."""
    return agent(name, runtime={"command": {"command": list(command)}}, **spec)


def config_map(name: str, data: dict[str, str]) -> Object:
    return {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": name}, "data": data}


def claim(name: str) -> Object:
    """The manifest of a PVC."""
    spec = {"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": "1Gi"}}}
    metadata = {"name": name}
    return {"apiVersion": "v1", "kind": "PersistentVolumeClaim", "metadata": metadata, "spec": spec}


def foreign_job(name: str) -> Object:
    """A Job that the operator has not made, and that does nothing."""
    container = {"name": "c", "image": "localhost/none:1"}
    template = {"spec": {"restartPolicy": "Never", "containers": [container]}}
    spec = {"suspend": True, "template": template}
    return {"apiVersion": "batch/v1", "kind": "Job", "metadata": {"name": name}, "spec": spec}


def put_into(namespace: str, obj: Object) -> Object:
    """The object with its namespace."""
    return obj | {"metadata": obj["metadata"] | {"namespace": namespace}}
