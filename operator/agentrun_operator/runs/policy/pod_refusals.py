"""What in an Agent keeps its runs from getting a pod. Each refusal names field and value."""

import json
import posixpath
from collections.abc import Iterator
from itertools import islice
from typing import Any

from agentrun_kube.names import AGENT_CONTAINER, WORKSPACE_CONTAINER
from agentrun_kube.objects import Object
from agentrun_kube.v1alpha1.agent import Agent
from agentrun_kube.v1alpha1.agent_run import AgentRun

from ...installation import Installation
from ...pod_security import Level, violations
from ...resources.pod import AGENTRUN_ROOT, TERMINATION_LOG
from ...resources.run_pod import pod_template
from ...untyped import as_list, as_object, as_text, safe_name, shown

# The API server takes 1.5 MiB of an object, with all that it writes down about the fields itself.
# What it says of a larger Job is about its labels: it tries once more, and finds its own.
LARGEST_POD = 1024 * 1024
SHOWN_REFUSALS = 3
TEMPLATE = "spec.podTemplate"
RESERVED = "AGENTRUN_"
OBJECTS = ("metadata", "metadata.labels", "metadata.annotations", "spec", "spec.securityContext")
LISTS = ("initContainers", "containers", "volumes")
LISTS_OF_CONTAINER = ("env", "envFrom", "volumeMounts")
# Where no volume of an Agent may be mounted into its container. Below /tmp it hides nothing.
OWN_PLACES = (AGENTRUN_ROOT, "/tmp", TERMINATION_LOG)


def refusal(run: AgentRun, agent: Agent, installation: Installation) -> str | None:
    """Why the run gets no Job, or None if it gets one."""
    found = list(islice(_of_agent(agent), SHOWN_REFUSALS)) or list(
        islice(_of_pod(run, agent, installation), SHOWN_REFUSALS)
    )
    if not found:
        return None
    return f"{' '.join(found)} Fix Agent {agent.metadata.name}; the run starts then."


def _of_pod(run: AgentRun, agent: Agent, installation: Installation) -> Iterator[str]:
    level = installation.pod_security
    template = pod_template(run, agent, installation)
    size = len(json.dumps(template, ensure_ascii=False).encode(errors="replace"))
    if size > LARGEST_POD:
        yield (
            f"spec.env, spec.runtime, spec.podTemplate: with the run's input the pod has {size} "
            f"bytes, and may have {LARGEST_POD}. Put large values into a ConfigMap or a volume."
        )
    if level == Level.RESTRICTED:
        # Kubernetes lets root in if it is root of a user namespace only. Here no pod runs as root.
        template["spec"].pop("hostUsers", None)
    for violation in violations(template, level):
        yield (
            f"spec.podTemplate.{violation}, which the Pod Security level {level} of this "
            "installation (AGENTRUN_POD_SECURITY) does not allow."
        )


def _of_agent(agent: Agent) -> Iterator[str]:
    spec = agent.spec
    yield from _variables("spec", spec.env, spec.env_from)
    odd = list(_odd_shapes(spec.pod_template))
    if odd:
        yield from odd
        return
    of_pod = as_object(spec.pod_template.get("spec"))
    yield from _volumes(of_pod, spec.store.claim_name)
    for field in ("initContainers", "containers"):
        for index, container in enumerate(as_list(of_pod.get(field))):
            name = container.get("name")
            path = f"{TEMPLATE}.spec.{field}[{safe_name(name, index)}]"
            yield from _container(path, container)
            if name == AGENT_CONTAINER:
                yield from _variables(path, container.get("env"), container.get("envFrom"))
                yield from _hidden_mounts(path, container)


def _odd_shapes(template: Object) -> Iterator[str]:
    """What is of another type than its field: an object, or a list of objects."""
    for path in OBJECTS:
        value: Any = template
        for part in path.split("."):
            value = as_object(value).get(part)
        if value is not None and not isinstance(value, dict):
            yield f"{TEMPLATE}.{path} is {shown(value)}, not an object."
    of_pod = as_object(template.get("spec"))
    for field in LISTS:
        yield from _odd_list(f"{TEMPLATE}.spec.{field}", of_pod.get(field))
    for field in ("initContainers", "containers"):
        for index, item in enumerate(as_list(of_pod.get(field))):
            container = as_object(item)
            path = f"{TEMPLATE}.spec.{field}[{safe_name(container.get('name'), index)}]"
            for part in LISTS_OF_CONTAINER:
                yield from _odd_list(f"{path}.{part}", container.get(part))
            security = container.get("securityContext")
            if security is not None and not isinstance(security, dict):
                yield f"{path}.securityContext is {shown(security)}, not an object."


def _odd_list(path: str, value: Any) -> Iterator[str]:
    if value is not None and not isinstance(value, list):
        yield f"{path} is {shown(value)}, not a list."
    for index, item in enumerate(as_list(value)):
        if not isinstance(item, dict):
            yield f"{path}[{index}] is {shown(item)}, not an object."


def _variables(path: str, env: Any, env_from: Any) -> Iterator[str]:
    for index, entry in enumerate(as_list(env)):
        name = as_object(entry).get("name")
        if as_text(name).startswith(RESERVED):
            yield (
                f"{path}.env[{index}].name is {shown(name)}: only the operator sets variables that "
                f"begin with {RESERVED}."
            )
    for index, source in enumerate(as_list(env_from)):
        prefix = as_object(source).get("prefix")
        if as_text(prefix).startswith(RESERVED.removesuffix("_")):
            yield (
                f"{path}.envFrom[{index}].prefix is {shown(prefix)}: only the operator sets "
                f"variables that begin with {RESERVED}."
            )


def _volumes(of_pod: Object, store: str) -> Iterator[str]:
    for index, volume in enumerate(as_list(of_pod.get("volumes"))):
        path = f"{TEMPLATE}.spec.volumes[{safe_name(volume.get('name'), index)}]"
        if volume.get("name") == "store":
            yield f"{path}.name is 'store': only the operator defines that volume."
        claim = as_object(volume.get("persistentVolumeClaim")).get("claimName")
        if claim == store:
            yield (
                f"{path}.persistentVolumeClaim.claimName is {shown(claim)}, the store "
                "(spec.store.claimName): only the operator mounts it."
            )


def _container(path: str, container: Object) -> Iterator[str]:
    """What no container may have."""
    if container.get("name") == WORKSPACE_CONTAINER:
        yield f"{path}.name is {WORKSPACE_CONTAINER!r}: only the operator uses that name."
    for index, mount in enumerate(as_list(container.get("volumeMounts"))):
        if mount.get("name") == "store":
            yield (
                f"{path}.volumeMounts[{index}].name is 'store': only the operator mounts the "
                "store. Use a volume of another PersistentVolumeClaim."
            )


def _hidden_mounts(path: str, container: Object) -> Iterator[str]:
    for index, mount in enumerate(as_list(container.get("volumeMounts"))):
        place = _absolute(mount.get("mountPath"))
        hides = any(_is_within(own, place) for own in OWN_PLACES)
        if hides or _is_within(place, AGENTRUN_ROOT):
            yield (
                f"{path}.volumeMounts[{index}].mountPath is {shown(mount.get('mountPath'))}: what "
                "the operator mounts there would be hidden. Choose another path."
            )


def _absolute(path: Any) -> str:
    """A mountPath as the kubelet takes it: from the root of the container."""
    return posixpath.normpath(f"/{as_text(path).lstrip('/')}")


def _is_within(path: str, tree: str) -> bool:
    return path == tree or path.startswith(f"{tree.rstrip('/')}/")
