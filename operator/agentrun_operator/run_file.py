"""What the runner reads from /agentrun/run/run.json."""

import json
from typing import Any

from agentrun_kube.v1alpha1.agent import Agent
from agentrun_kube.v1alpha1.agent_run import AgentRun


def run_file(run: AgentRun, agent: Agent) -> str:
    """The content of the file, as JSON."""
    content: dict[str, Any] = {
        "runtime": agent.spec.runtime.model_dump(by_alias=True, exclude_none=True)
    }
    if run.spec.has_input:
        content["input"] = run.spec.input
    if run.spec.has_resume:
        content["resume"] = run.spec.resume
    if run.spec.checkpoint is not None:
        content["checkpoint"] = {"id": run.spec.checkpoint.id}
    if run.spec.config is not None:
        content["config"] = run.spec.config.model_dump(by_alias=True, exclude_none=True)
    return json.dumps(content, ensure_ascii=False)
