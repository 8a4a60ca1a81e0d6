"""What other users than the tests' own may do."""

import time

from .kubectl import PATIENCE, KubectlError, kubectl


def bind(namespace: str, user: str, role: str) -> None:
    options = (f"--user={user}", f"--clusterrole={role}", "-n", namespace)
    kubectl("create", "rolebinding", f"{user}-{role}", *options)


def wait_allowed(namespace: str, user: str, verb: str) -> None:
    """The API server takes a new binding into account a moment after it has been made."""
    deadline = time.monotonic() + PATIENCE
    while not may(user, verb, "agentruns.agentrun.dev", namespace):
        assert time.monotonic() < deadline, f"{user} never got the verb {verb}"


def may(user: str, verb: str, resource: str, namespace: str) -> bool:
    try:
        kubectl("auth", "can-i", verb, resource, f"--as={user}", "-n", namespace)
    except KubectlError as error:
        assert str(error).splitlines()[-1] == "no", error  # a warning may come before it
        return False
    return True
