"""The Job of a run, and what is in it."""

from typing import Any

from agentrun_kube.v1alpha1.agent import Agent
from agentrun_kube.v1alpha1.agent_run import AgentRun
from agentrun_operator.installation import Installation
from agentrun_operator.resources.run_job import run_job
from agentrun_operator.untyped import as_list

Object = dict[str, Any]


def agent(**spec: Any) -> Agent:
    spec.setdefault("runtime", {"langgraph": {"graph": "m:g"}})
    meta = {
        "name": "a",
        "namespace": "ns",
        "uid": "u",
        "creationTimestamp": "2026-01-02T03:04:05Z",
    }
    return Agent.model_validate({"metadata": meta, "spec": spec})


def job_of(run: AgentRun, its_agent: Agent | None = None, **installation: Any) -> Object:
    return run_job(run, its_agent or agent(), Installation("runner:1", **installation))


def pod_of(job: Object) -> Object:
    spec: Object = job["spec"]["template"]["spec"]
    return spec


def container(job: Object, name: str = "agent") -> Object:
    spec = pod_of(job)
    everything = [*as_list(spec.get("initContainers")), *spec["containers"]]
    (found,) = [c for c in everything if isinstance(c, dict) and c.get("name") == name]
    result: Object = found
    return result


def environment(job: Object, name: str = "agent") -> dict[str, str]:
    return {entry["name"]: entry.get("value", "") for entry in container(job, name)["env"]}
