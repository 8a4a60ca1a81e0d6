"""JSON as deep as the API server takes: 10,000 levels, ten times what Python reads by default.

In a process of its own, because the limit holds for the whole process.
"""

import subprocess
import sys
from pathlib import Path

import agentrun_operator

READ_AND_WRITE = """
import json
from agentrun_operator.installation import Installation
from agentrun_kube.client.kube import read_deep_json
from agentrun_kube.v1alpha1.agent import Agent
from agentrun_kube.v1alpha1.agent_run import AgentRun
from agentrun_operator.resources.run_job import run_job

read_deep_json()
meta = {"name": "n", "namespace": "ns", "uid": "u", "creationTimestamp": "2026-01-02T03:04:05Z"}
agent = {"metadata": meta, "spec": {"runtime": {"langgraph": {"graph": "m:g"}}}}
config = {"configurable": {"b": "here"}}
spec = {"agentRef": {"name": "n"}, "input": "here", "config": config}
run = {"metadata": meta, "spec": spec}
for opens, closes in ("[]", ('{"a":', "}")):
    deep = opens * 9_990 + "0" + closes * 9_990
    items = json.loads(json.dumps({"items": [run]}).replace('"here"', deep))["items"]
    job = run_job(AgentRun.model_validate(items[0]), Agent.model_validate(agent), Installation("r"))
    text = json.dumps(job).replace(" ", "").replace("\\\\", "")
    assert text.count(opens * 9_990) == 2
"""


def test_a_deeply_nested_run_is_read_and_its_job_is_written() -> None:
    path = str(Path(agentrun_operator.__file__).parents[1])
    subprocess.run(
        [sys.executable, "-c", READ_AND_WRITE], env={"PYTHONPATH": path}, check=True, timeout=60
    )
