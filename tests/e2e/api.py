"""Requests without kubectl: each kubectl process takes 160 ms of CPU.

The cluster is that of $KUBECONFIG, as for kubectl.
"""

import functools
import json
import os
import threading
import time
from collections.abc import Iterator
from typing import Any
from urllib.parse import quote, urlencode

import urllib3
from kubernetes import client, config

Object = dict[str, Any]

_CORE = "/api/v1"
# The tests' name of a kind -> the prefix of its path, and its name there.
_KINDS = {
    "ar": ("/apis/agentrun.dev/v1alpha1", "agentruns"),
    "agents": ("/apis/agentrun.dev/v1alpha1", "agents"),
    "job": ("/apis/batch/v1", "jobs"),
    "jobs": ("/apis/batch/v1", "jobs"),
    "deployment": ("/apis/apps/v1", "deployments"),
    "replicaset": ("/apis/apps/v1", "replicasets"),
    "lease": ("/apis/coordination.k8s.io/v1", "leases"),
    "pod": (_CORE, "pods"),
    "pods": (_CORE, "pods"),
    "events": (_CORE, "events"),
    "resourcequota": (_CORE, "resourcequotas"),
    "configmap": (_CORE, "configmaps"),
    "serviceaccount": (_CORE, "serviceaccounts"),
    "pvc": (_CORE, "persistentvolumeclaims"),
    "pv": (_CORE, "persistentvolumes"),
    "namespace": (_CORE, "namespaces"),
    "node": (_CORE, "nodes"),
    "nodes": (_CORE, "nodes"),
}
_CLUSTER_WIDE = ("namespaces", "nodes", "persistentvolumes")
# kubectl sends this with each write: the API server then refuses fields that no schema has.
_STRICT = "fieldValidation=Strict"
_SELECTORS = {"--selector": "labelSelector", "--field-selector": "fieldSelector"}


class ApiError(Exception):
    """The API server refused a request. The text is its message."""

    def __init__(self, status: int, text: str) -> None:
        super().__init__(text)
        self.status = status


def get(kind: str, namespace: str, name: str) -> Object:
    """One object. Raises ApiError, with status 404 if there is none."""
    return _answer(f"{_path(kind, namespace)}/{quote(name, safe='')}")


def create(obj: Object) -> Object:
    """Create an object in the namespace of its metadata; returns it. Raises ApiError."""
    prefix, plural = _resource(obj)
    path = _collection(prefix, plural, obj["metadata"].get("namespace", ""))
    return _answer(f"{path}?{_STRICT}&fieldManager=kubectl-create", "POST", obj)


def patch(kind: str, namespace: str, name: str, change: Object) -> Object:
    """Merge the change into an object; returns the object. Raises ApiError."""
    path = f"{_path(kind, namespace)}/{quote(name, safe='')}?{_STRICT}&fieldManager=kubectl-patch"
    return _answer(path, "PATCH", change, "application/merge-patch+json")


def delete(kind: str, namespace: str, name: str) -> None:
    """Delete an object, without waiting for its end. Raises ApiError."""
    options = {"propagationPolicy": "Background"}
    _answer(f"{_path(kind, namespace)}/{quote(name, safe='')}", "DELETE", options)


def log(namespace: str, pod: str, container: str) -> str:
    """The container's output. Raises ApiError."""
    query = urlencode({"container": container})
    return _request(f"{_path('pods', namespace)}/{quote(pod, safe='')}/log?{query}").decode()


def follow(namespace: str, pod: str, container: str, *, seconds: float) -> Iterator[str]:
    """The lines of the container's log, as they come, until it ends or ``seconds`` are over."""
    query = urlencode({"container": container, "follow": "true"})
    path = f"{_path('pods', namespace)}/{quote(pod, safe='')}/log?{query}"
    deadline = time.monotonic() + seconds
    response = _pool().request("GET", path, preload_content=False, timeout=seconds, retries=False)
    try:
        if response.status != 200:
            raise ApiError(response.status, json.loads(response.read())["message"])
        for line in _lines(response):
            yield line.decode()
            if time.monotonic() > deadline:
                return
    except urllib3.exceptions.ReadTimeoutError:
        return
    finally:
        response.close()


def get_all(kind: str, namespace: str, *selectors: str) -> Object:
    """The list that kubectl would print for these selectors. Raises ApiError."""
    found = _answer(f"{_path(kind, namespace)}?{urlencode(_query(selectors))}")
    for item in found["items"]:  # a list omits these fields
        item |= {"apiVersion": found["apiVersion"], "kind": found["kind"].removesuffix("List")}
    return found


def watch(kind: str, namespace: str, *selectors: str, seconds: float) -> Iterator[Object]:
    """Watch events: first an ADDED for each existing object. Ends after ``seconds``."""
    deadline = time.monotonic() + seconds
    found = get_all(kind, namespace, *selectors)
    for item in found["items"]:
        yield {"type": "ADDED", "object": item}
    yield from changes_since(found, kind, namespace, *selectors, deadline=deadline)


def changes_since(
    found: Object, kind: str, namespace: str, *selectors: str, deadline: float
) -> Iterator[Object]:
    """Watch events since the list was read, until ``deadline``, of the monotonic clock."""
    version = found["metadata"]["resourceVersion"]
    while (left := deadline - time.monotonic()) > 0:
        query = _query(selectors) | {
            "watch": "true",
            "resourceVersion": version,
            "timeoutSeconds": str(max(1, round(left))),
        }
        path = f"{_path(kind, namespace)}?{urlencode(query)}"
        response = _pool().request("GET", path, preload_content=False, timeout=left + 5)
        try:
            for line in _lines(response):
                event: Object = json.loads(line)
                if event["type"] == "ERROR":
                    raise ApiError(event["object"]["code"], event["object"]["message"])
                version = event["object"]["metadata"]["resourceVersion"]
                yield event
        finally:
            response.close()


def _lines(response: urllib3.BaseHTTPResponse) -> Iterator[bytes]:
    rest = b""
    for chunk in response.stream(1 << 16):
        *lines, rest = (rest + chunk).split(b"\n")
        yield from lines


def _answer(
    path: str, method: str = "GET", body: Object | None = None, content: str = "application/json"
) -> Object:
    answer: Object = json.loads(_request(path, method, body, content))
    return answer


def _request(
    path: str, method: str = "GET", body: Object | None = None, content: str = "application/json"
) -> bytes:
    text = None if body is None else json.dumps(body)
    headers = {"Content-Type": content}
    try:
        response = _pool().request(
            method, path, body=text, headers=headers, timeout=30, retries=False
        )
    except urllib3.exceptions.HTTPError as error:
        raise ApiError(0, f"the API server does not answer: {error}") from error
    if response.status >= 300:
        raise ApiError(response.status, json.loads(response.data)["message"])
    return response.data


def _resource(obj: Object) -> tuple[str, str]:
    """The prefix of the path of the object's kind, and its name there."""
    version, kind = obj["apiVersion"], obj["kind"].lower()
    plural = f"{kind[:-1]}ies" if kind.endswith("y") else f"{kind}s"
    return ("/api/" if version == "v1" else "/apis/") + version, plural


def _path(kind: str, namespace: str) -> str:
    return _collection(*_KINDS[kind], namespace)


def _collection(prefix: str, plural: str, namespace: str) -> str:
    if plural in _CLUSTER_WIDE or not namespace:
        return f"{prefix}/{plural}"
    return f"{prefix}/namespaces/{quote(namespace, safe='')}/{plural}"


def _query(selectors: tuple[str, ...]) -> dict[str, str]:
    split = (option.split("=", 1) for option in selectors)
    return {_SELECTORS[option]: value for option, value in split if value}


_of_thread = threading.local()


def _pool() -> urllib3.HTTPSConnectionPool:
    """The connections of this process; a forked one has its own."""
    if getattr(_of_thread, "pid", None) != os.getpid():
        settings = _settings()
        _of_thread.pool = urllib3.connection_from_url(
            settings.host,
            maxsize=8,
            cert_file=settings.cert_file,
            key_file=settings.key_file,
            ca_certs=settings.ssl_ca_cert,
            cert_reqs="CERT_REQUIRED",
        )
        _of_thread.pid = os.getpid()
    pool: urllib3.HTTPSConnectionPool = _of_thread.pool
    return pool


@functools.cache
def _settings() -> client.Configuration:
    settings = client.Configuration()
    config.load_kube_config(client_configuration=settings)  # type: ignore[no-untyped-call]
    return settings
