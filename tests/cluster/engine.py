"""The engine that runs the cluster: Docker if it answers, else podman."""

import functools

from cluster import current, podman
from cluster.shell import run, succeeds

NODE = "agentrun-control-plane"


@functools.cache
def docker() -> bool:
    """Whether a Docker engine answers."""
    return succeeds("docker", "info")


def engine(*arguments: str) -> str:
    """Run docker or podman and return its output. Raises CommandError."""
    return run("docker" if docker() else podman.COMMAND, *arguments)


def environment() -> dict[str, str]:
    """The environment with which kind finds the engine."""
    if docker():
        return {"KIND_EXPERIMENTAL_PROVIDER": "docker"}
    return podman.ENVIRONMENT


def node_exec(*command: str) -> str:
    """Run a command in the kind node and return its output.

    Raises CommandError, LookupError.
    """
    return run(*in_node(*command))


def in_node(*command: str) -> tuple[str, ...]:
    """The command line that runs a command in the kind node.

    Raises LookupError with CLUSTER=current: the tests do not enter a user's nodes.
    """
    if current.chosen():
        raise LookupError("with CLUSTER=current there is no way into the nodes")
    return ("docker" if docker() else str(podman.COMMAND), "exec", NODE, *command)


def node_exists() -> bool:
    """Whether the kind node's container exists, running or not."""
    listed = engine("ps", "--all", "--filter", f"name=^{NODE}$", "--format", "{{.Names}}")
    return listed.split() == [NODE]
