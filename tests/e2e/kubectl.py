"""kubectl, the same requests without its process, and waits by watching.

The cluster is that of $KUBECONFIG, with the kubectl on $PATH, as `make e2e` sets them.
"""

import json
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from . import api

Object = api.Object

# Longer than any operation on a busy machine with two cores, image start included.
PATIENCE = 60.0


class KubectlError(Exception):
    """kubectl ended with an error. The text is its message."""


def kubectl(*arguments: str, stdin: str | None = None) -> str:
    """Run kubectl and return its output. Raises KubectlError."""
    result = subprocess.run(
        ["kubectl", *arguments], input=stdin, capture_output=True, text=True, check=False
    )
    if result.returncode:
        raise KubectlError(f"{result.stderr.strip()}\n{result.stdout.strip()}".strip())
    return result.stdout


def get(kind: str, namespace: str, name: str) -> Object | None:
    """The object; None if there is none."""
    try:
        return api.get(kind, namespace, name)
    except api.ApiError as error:
        if error.status == 404:
            return None
        raise KubectlError(str(error)) from error


def get_all(kind: str, namespace: str, selector: str = "") -> list[Object]:
    """The objects of the kind that have the labels."""
    with _as_kubectl_error():
        items: list[Object] = api.get_all(kind, namespace, f"--selector={selector}")["items"]
        return items


def create(*objects: Object) -> list[Object]:
    """Create the objects and return them. Raises KubectlError with the server's answer."""
    with _as_kubectl_error():
        return [api.create(obj) for obj in objects]


def patch(kind: str, namespace: str, name: str, change: Object) -> None:
    """Merge the change into an object. Raises KubectlError with the API server's answer."""
    with _as_kubectl_error():
        api.patch(kind, namespace, name, change)


def delete(kind: str, namespace: str, name: str) -> None:
    """Delete an object, without waiting for its end. Raises KubectlError."""
    with _as_kubectl_error():
        api.delete(kind, namespace, name)


def log(namespace: str, pod: str, container: str) -> str:
    """The container's output. Raises KubectlError."""
    with _as_kubectl_error():
        return api.log(namespace, pod, container)


@contextmanager
def _as_kubectl_error() -> Iterator[None]:
    """Turn an ApiError into the KubectlError with the same message."""
    try:
        yield
    except api.ApiError as error:
        raise KubectlError(str(error)) from error


@contextmanager
def lines_of(*arguments: str, seconds: float = PATIENCE) -> Iterator[Iterator[str]]:
    """The output of a kubectl that keeps running (a watch, a log); it ends after ``seconds``."""
    with subprocess.Popen(
        ["kubectl", *arguments], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None
        deadline = threading.Timer(seconds, process.kill)
        deadline.start()
        try:
            yield iter(process.stdout)
        finally:
            deadline.cancel()
            process.kill()


def watch(
    kind: str, namespace: str, *options: str, seconds: float = PATIENCE
) -> Iterator[tuple[str, Object]]:
    """Existing objects ("ADDED"), and their changes ("MODIFIED", "DELETED"), for ``seconds``.

    ``options`` are --selector and --field-selector, as kubectl takes them.
    """
    for event in api.watch(kind, namespace, *options, seconds=seconds):
        yield event["type"], event["object"]


def wait_until(
    what: str,
    kind: str,
    namespace: str,
    is_so: Callable[[Object], bool],
    *options: str,
    seconds: float = PATIENCE,
) -> Object:
    """Watch objects of the kind until ``is_so`` of one of them, and return that one.

    ``is_so`` may raise AssertionError if it can no longer become true.
    """
    last: Object = {}
    for event, obj in watch(kind, namespace, *options, seconds=seconds):
        if event != "DELETED" and is_so(obj):
            return obj
        last = obj
    raise AssertionError(
        f"{what}: not within {seconds} s. The last that was seen of it:\n"
        + json.dumps(last.get("status"), indent=1)
    )


def wait_gone(kind: str, namespace: str, name: str, seconds: float = PATIENCE) -> None:
    """Wait until the object no longer exists. Raises KubectlError."""
    options = (f"--field-selector=metadata.name={name}",)
    deadline = time.monotonic() + seconds
    found = api.get_all(kind, namespace, *options)
    if not found["items"]:
        return
    # Since that list: a watch that lists again may begin after the deletion, and never report it.
    for event in api.changes_since(found, kind, namespace, *options, deadline=deadline):
        if event["type"] == "DELETED":
            return
    raise KubectlError(f"{kind} {name} is still there after {seconds:.0f} s")
