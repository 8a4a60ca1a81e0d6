"""The report of a failed test: the state of its namespace, and the operator's log."""

from collections.abc import Callable

from .kubectl import KubectlError, get_all, kubectl
from .operators import log


def report(namespace: str, instance: str, since: str) -> str:
    """The objects, Events and logs that may show the cause.

    ``instance``: the id of the operator that tests have beside the deployed one; ``since``: the
    test's start (RFC 3339).
    """
    ns = ("-n", namespace)
    parts = [
        _section("AgentRuns", "get", "ar", *ns, "-oyaml"),
        _section("Agents", "get", "agents", *ns, "-oyaml"),
        _section("Events", "get", "events", *ns, "--sort-by=.metadata.creationTimestamp"),
        _section("Jobs, pods, claims", "get", "jobs,pods,pvc", *ns, "-owide"),
        _section("Pods in full", "describe", "pods", *ns),
        *_logs(namespace),
        "Operators' logs since the test began\n" + _try(lambda: log(instance, since)),
    ]
    return "\n\n".join(parts)


def _logs(namespace: str) -> list[str]:
    try:
        names = [pod["metadata"]["name"] for pod in get_all("pods", namespace)]
    except KubectlError:
        return []
    options = ("--all-containers", "--prefix", "--tail=100")
    return [_section(f"Log of {name}", "logs", "-n", namespace, name, *options) for name in names]


def _section(title: str, *command: str) -> str:
    return f"{title}\n" + _try(lambda: kubectl(*command))


def _try(show: Callable[[], str]) -> str:
    """Catch errors: one in the report would hide the failure that it is about."""
    try:
        return show()
    except KubectlError as error:
        return f"(cannot be had: {error})"
