"""The images of the deployed operator, and the writes of operators in a namespace."""

import json

from cluster.audit import audit_log

from .kubectl import Object, get, wait_until

NAMESPACE = "agentrun-system"
NAME = "agentrun-operator"
USER = f"system:serviceaccount:{NAMESPACE}:{NAME}"


def _container() -> Object:
    deployment = get("deployment", NAMESPACE, NAME)
    assert deployment is not None, f"there is no Deployment {NAME}: run `make deploy`"
    container: Object = deployment["spec"]["template"]["spec"]["containers"][0]
    return container


def runner_image() -> str:
    """The image that the operator uses for pods."""
    for variable in _container()["env"]:
        if variable["name"] == "AGENTRUN_RUNNER_IMAGE":
            return str(variable["value"])
    raise LookupError(f"the Deployment {NAME} does not set AGENTRUN_RUNNER_IMAGE")


def operator_image() -> str:
    """The operator's own image; for agents just another image with Python."""
    return str(_container()["image"])


def writes(namespace: str, resource: str = "", name: str = "") -> list[str]:
    """The writes of operators in a namespace, oldest first: "verb resource/name -> code".

    From the API server's audit log; all instances have the same user.
    """
    return [
        f"{event['verb']} {_what(event['objectRef'])} -> {event['responseStatus']['code']}"
        for event in _audited(namespace)
        if event["user"]["username"] == USER
        and resource in ("", event["objectRef"]["resource"])
        and name in ("", event["objectRef"].get("name", ""))
    ]


def created(namespace: str, resource: str) -> int:
    """The number of objects of the kind that the operator and Kubernetes have ever created in a
    namespace."""
    return sum(
        event["verb"] == "create"
        and event["user"]["username"].startswith("system:")
        and event["objectRef"]["resource"] == resource
        and "subresource" not in event["objectRef"]
        and event["responseStatus"]["code"] == 201
        for event in _audited(namespace)
    )


def wait_unwatched(kind: str, namespace: str, name: str) -> None:
    """Wait until the object has the label that takes it off the operator's watch."""
    wait_until(
        f"{kind} {name} is off the watch",
        kind,
        namespace,
        lambda obj: "agentrun.dev/finished" in obj["metadata"]["labels"],
        f"--field-selector=metadata.name={name}",
    )


def _audited(namespace: str) -> list[Object]:
    return [
        event
        for event in audit_log(namespace)
        if event.get("objectRef", {}).get("namespace") == namespace and "responseStatus" in event
    ]


def _what(reference: Object) -> str:
    parts = (reference["resource"], reference.get("subresource"), reference.get("name"))
    return json.dumps("/".join(part for part in parts if part))
