"""The pods of a run: what the operator says of them, and under it what the Agent adds."""

from typing import Any

from agentrun_kube import defaults
from agentrun_kube.names import (
    AGENT_CONTAINER,
    ANNOTATION_RUN_FILE,
    ANNOTATION_RUNNER,
    WORKSPACE_CONTAINER,
)
from agentrun_kube.v1alpha1.agent import Agent
from agentrun_kube.v1alpha1.agent_run import AgentRun

from ..installation import Installation
from ..run_file import run_file
from .added import added_by, harden
from .merge import merge_under
from .pod import (
    AGENTRUN_ROOT,
    OWN_RESOURCES,
    TERMINATION_LOG,
    container_security,
    pod_security,
    tmp_mount,
)
from .run_labels import for_pod, own_labels
from .run_mounts import file_mounts, store_mounts, volumes, workspace


def pod_template(run: AgentRun, agent: Agent, installation: Installation) -> dict[str, Any]:
    """The template of the run's pods: what the operator says wins, then the Agent, then the run."""
    annotations = {ANNOTATION_RUN_FILE: run_file(run, agent)}
    if is_supervised(agent):
        annotations[ANNOTATION_RUNNER] = "true"
    own = {
        "metadata": {"labels": own_labels(run), "annotations": annotations},
        "spec": _pod_spec(run, agent, installation),
    }
    of_run = {
        "labels": for_pod(run.metadata.labels),
        "annotations": for_pod(run.metadata.annotations),
    }
    template = merge_under(own, added_by(agent, is_supervised=is_supervised(agent)))
    return harden(merge_under(template, {"metadata": of_run}))


def is_supervised(agent: Agent) -> bool:
    """Whether the runner's supervisor is in the agent's container; a foreign image has none."""
    return agent.spec.runtime.command is None or agent.spec.image is None


def _pod_spec(run: AgentRun, agent: Agent, installation: Installation) -> dict[str, Any]:
    env = _environment(run, agent, installation)
    timeout = defaults.timeout_seconds(run, agent)
    pod: dict[str, Any] = {
        "restartPolicy": "Never",
        "terminationGracePeriodSeconds": _grace_seconds(run, agent, installation),
        **({} if timeout is None else {"activeDeadlineSeconds": timeout}),
        "automountServiceAccountToken": False,
        "enableServiceLinks": False,
        "securityContext": pod_security(),
        "containers": [_agent_container(run, agent, installation, env)],
        "volumes": volumes(agent),
    }
    if not is_supervised(agent):
        # As PID 1 a program without handlers would ignore SIGTERM and take its whole grace period.
        pod["shareProcessNamespace"] = True
        pod["initContainers"] = [_workspace_container(run, installation, env)]
    return pod


def _environment(run: AgentRun, agent: Agent, installation: Installation) -> list[dict[str, str]]:
    """All variables of ours that the runner reads: what is set here, no envFrom can set."""
    grace = _grace_seconds(run, agent, installation)
    values = {
        "AGENTRUN_NAME": run.metadata.name,
        "AGENTRUN_NAMESPACE": run.metadata.namespace,
        "AGENTRUN_UID": run.metadata.uid,
        "AGENTRUN_THREAD": run.thread_directory,
        "AGENTRUN_SEGMENT": run.segment,
        "AGENTRUN_GRACE_PERIOD_SECONDS": str(grace),
        "AGENTRUN_ROOT": AGENTRUN_ROOT,
        "AGENTRUN_TERMINATION_LOG": TERMINATION_LOG,
    }
    if agent.spec.runtime.command is not None:
        values["AGENTRUN_WORKSPACE"] = workspace(run)
    return [{"name": name, "value": value} for name, value in values.items()]


def _grace_seconds(run: AgentRun, agent: Agent, installation: Installation) -> int:
    return defaults.grace_seconds(run, agent, installation.max_grace_period_seconds)


def _agent_container(
    run: AgentRun, agent: Agent, installation: Installation, env: list[dict[str, str]]
) -> dict[str, Any]:
    spec = agent.spec
    container: dict[str, Any] = {
        "name": AGENT_CONTAINER,
        "image": spec.image or installation.runner_image,
        "env": [*env, *spec.env],
        "resources": spec.resources,
        "securityContext": container_security(),
        "terminationMessagePath": TERMINATION_LOG,
        "terminationMessagePolicy": "File",
        "volumeMounts": [*store_mounts(run), *file_mounts(agent), tmp_mount(AGENT_CONTAINER)],
    }
    if spec.env_from:  # else what the podTemplate says would have no chance
        container["envFrom"] = spec.env_from
    command = spec.runtime.command
    if command is not None and not is_supervised(agent):
        # Any image: the command runs as it is, without the runner's supervisor.
        container |= {
            "command": command.command,
            "args": command.args,
            "workingDir": workspace(run),
        }
    return container


def _workspace_container(
    run: AgentRun, installation: Installation, env: list[dict[str, str]]
) -> dict[str, Any]:
    """Makes the workspace before a container whose image cannot."""
    return {
        "name": WORKSPACE_CONTAINER,
        "image": installation.runner_image,
        "args": ["prepare-workspace"],
        "env": env,
        "resources": OWN_RESOURCES,
        "securityContext": container_security(),
        "volumeMounts": [*store_mounts(run), tmp_mount(WORKSPACE_CONTAINER)],
    }
