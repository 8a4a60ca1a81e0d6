"""kubectl, the one way in which the tests talk to the cluster, and waiting by watching.

Which cluster: that of $KUBECONFIG, with the kubectl on $PATH, as `make e2e` sets them.
"""

import json
import subprocess
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

Object = dict[str, Any]
# Longer than anything takes on a busy machine with two cores, image start included.
PATIENCE = 60.0


class KubectlError(Exception):
    """kubectl ended with an error. The text is what it said."""


def kubectl(*arguments: str, stdin: str | None = None) -> str:
    """Run kubectl and return what it prints. Raises KubectlError."""
    result = subprocess.run(
        ["kubectl", *arguments], input=stdin, capture_output=True, text=True, check=False
    )
    if result.returncode:
        raise KubectlError(f"{result.stderr.strip()}\n{result.stdout.strip()}".strip())
    return result.stdout


def get(kind: str, namespace: str, name: str) -> Object | None:
    """The object; None if there is none."""
    text = kubectl("get", kind, name, "-n", namespace, "-ojson", "--ignore-not-found")
    found: Object | None = json.loads(text) if text else None
    return found


def get_all(kind: str, namespace: str, selector: str = "") -> list[Object]:
    """The objects of the kind that have the labels."""
    found = json.loads(kubectl("get", kind, "-n", namespace, "-ojson", f"--selector={selector}"))
    items: list[Object] = found["items"]
    return items


def create(*objects: Object) -> None:
    """Create the objects. Raises KubectlError with the API server's answer."""
    manifest = {"apiVersion": "v1", "kind": "List", "items": list(objects)}
    kubectl("create", "-f-", stdin=json.dumps(manifest))


@contextmanager
def lines_of(*arguments: str, seconds: float = PATIENCE) -> Iterator[Iterator[str]]:
    """What a kubectl that goes on by itself (a watch, a log) prints; it ends after ``seconds``."""
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
    """What is there ("ADDED"), and what happens to it ("MODIFIED", "DELETED"), for ``seconds``."""
    arguments = ("get", kind, "-n", namespace, "--watch", "--output-watch-events", "-ojson")
    with lines_of(*arguments, *options, seconds=seconds) as lines:
        for line in lines:
            event = json.loads(line)
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

    ``is_so`` may raise AssertionError if it can no longer come to that.
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
    """Wait until there is no such object. Raises KubectlError."""
    kubectl("wait", kind, name, "-n", namespace, "--for=delete", f"--timeout={seconds:.0f}s")
