"""The rights of other users than the tests' own, and the API server's refusals."""

import json
import time
from pathlib import Path

from .kubectl import PATIENCE, KubectlError, Object, kubectl
from .namespace import put_into
from .run import refusal

JOB_CONTROLLER = "system:serviceaccount:kube-system:job-controller"
CRONJOB_CONTROLLER = "system:serviceaccount:kube-system:cronjob-controller"


def bind(namespace: str, user: str, role: str) -> None:
    options = (f"--user={user}", f"--clusterrole={role}", "-n", namespace)
    kubectl("create", "rolebinding", f"{user}-{role}", *options)


def grant(namespace: str, user: str, verbs: str, resource: str) -> None:
    """Give the user these rights in the namespace, and no others."""
    name = f"{user}-{resource.replace('/', '-')}"
    kubectl("create", "role", name, f"--verb={verbs}", f"--resource={resource}", "-n", namespace)
    kubectl("create", "rolebinding", name, f"--role={name}", f"--user={user}", "-n", namespace)


def wait_allowed(
    namespace: str, user: str, verb: str, resource: str = "agentruns.agentrun.dev"
) -> None:
    """Wait until the API server applies a new binding: that is a moment after its creation."""
    deadline = time.monotonic() + PATIENCE
    while not may(user, verb, resource, namespace):
        assert time.monotonic() < deadline, f"{user} never got the verb {verb}"


def may(user: str, verb: str, resource: str, namespace: str) -> bool:
    try:
        kubectl("auth", "can-i", verb, resource, f"--as={user}", "-n", namespace)
    except KubectlError as error:
        # A warning may come before it, and the reason after it.
        assert str(error).splitlines()[-1].partition(" ")[0] == "no", error
        return False
    return True


def attempt(namespace: str, obj: Object, *options: str) -> None:
    """Have the API server decide on a creation in a dry run."""
    text = json.dumps(put_into(namespace, obj))
    kubectl("create", "-f-", "--dry-run=server", *options, stdin=text)


def refused_attempt(namespace: str, obj: Object, *options: str) -> str:
    """The API server's message when it refuses to create the object."""
    return refusal(lambda: attempt(namespace, obj, *options))


def refused(*arguments: str, stdin: str | None = None) -> str:
    """The API server's message when it refuses kubectl's request."""
    return refusal(lambda: kubectl(*arguments, stdin=stdin))


def refused_patch(
    namespace: str, kind: str, name: str, patch: Object | list[Object], *options: str
) -> str:
    """The API server's message when it refuses the patch."""
    how = "json" if isinstance(patch, list) else "merge"
    arguments = ("patch", kind, name, "-n", namespace, f"--type={how}")
    return refused(*arguments, f"--patch={json.dumps(patch)}", *options)


def token_of(namespace: str, account: str, directory: Path) -> str:
    """kubectl's option for a kubeconfig with only the token of that service account."""
    config = json.loads(kubectl("config", "view", "--minify", "--flatten", "--raw", "-ojson"))
    token = kubectl("create", "token", account, "-n", namespace).strip()
    config["users"] = [{"name": config["users"][0]["name"], "user": {"token": token}}]
    path = directory / f"{account}.kubeconfig"
    path.write_text(json.dumps(config))
    return f"--kubeconfig={path}"
