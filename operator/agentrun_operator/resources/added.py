"""What an Agent's podTemplate adds to the pods of its runs."""

from typing import Any

from agentrun_kube.names import AGENT_CONTAINER, WORKSPACE_CONTAINER
from agentrun_kube.v1alpha1.agent import Agent

from ..untyped import as_list, as_object, as_text
from .pod import hardened, tmp_mount
from .run_labels import without_ours

# What would keep the image's entry point, the supervisor, from PID 1.
ENTRY_POINT = ("command", "args")
# spec.timeoutSeconds sets the deadline of the pods, and the operator lowers it to stop a run.
POD_FIELDS = ("activeDeadlineSeconds",)
AGENT_FIELDS = ("securityContext", "restartPolicy", "restartPolicyRules")
OWN_CONTAINERS = {"initContainers": WORKSPACE_CONTAINER, "containers": AGENT_CONTAINER}


def added_by(agent: Agent, *, is_supervised: bool) -> dict[str, Any]:
    """The podTemplate without the fields that only the operator may set."""
    metadata = as_object(agent.spec.pod_template.get("metadata"))
    spec = {
        field: value
        for field, value in as_object(agent.spec.pod_template.get("spec")).items()
        if field not in POD_FIELDS and value is not None
    }
    if "containers" in spec:
        spec["containers"] = [
            _of_agent(item, is_supervised=is_supervised)
            if as_object(item).get("name") == AGENT_CONTAINER
            else item
            for item in as_list(spec["containers"])
        ]
    return {
        "metadata": {
            field: without_ours(as_object(metadata.get(field)))
            for field in ("labels", "annotations")
        },
        "spec": spec,
    }


def harden(template: dict[str, Any]) -> dict[str, Any]:
    """The template, in which every container is as safe as its Agent allows, and has a /tmp.

    The security context of the operator's own containers is complete already.
    """
    spec = dict(template["spec"])
    for field, own in OWN_CONTAINERS.items():
        if isinstance(spec.get(field), list):
            spec[field] = [
                item if as_object(item).get("name") == own else _hardened(item)
                for item in spec[field]
            ]
    return {**template, "spec": spec}


def _of_agent(container: dict[str, Any], *, is_supervised: bool) -> dict[str, Any]:
    left_out = (*AGENT_FIELDS, *(ENTRY_POINT if is_supervised else ()))
    added = {field: value for field, value in container.items() if field not in left_out}
    if isinstance(added.get("lifecycle"), dict):  # SIGTERM is what the runner knows
        added["lifecycle"] = {k: v for k, v in added["lifecycle"].items() if k != "stopSignal"}
    return added


def _hardened(item: Any) -> Any:
    if not isinstance(item, dict):
        return item
    mounts = as_list(item.get("volumeMounts"))
    name = item.get("name")
    has_tmp = any(_is_tmp(as_object(mount)) for mount in mounts)
    if isinstance(name, str) and not has_tmp:
        mounts = [*mounts, tmp_mount(name)]
    security = item.get("securityContext") or {}
    if isinstance(security, dict):
        security = _security(security)
    return {**item, "securityContext": security, "volumeMounts": mounts}


def _is_tmp(mount: dict[str, Any]) -> bool:
    return as_text(mount.get("mountPath")).rstrip("/") == "/tmp"


def _security(of_agent: dict[str, Any]) -> dict[str, Any]:
    """The Agent's security context over the defaults; the root file system is always read-only."""
    said = {field: value for field, value in of_agent.items() if value is not None}
    under = hardened()
    if isinstance(said.get("capabilities"), dict):
        said["capabilities"] = under["capabilities"] | said["capabilities"]
    if said.get("privileged") is True:  # the API server refuses the two together
        del under["allowPrivilegeEscalation"]
    return {**under, **said, "readOnlyRootFilesystem": True}
