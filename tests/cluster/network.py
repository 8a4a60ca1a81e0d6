"""The network of the cluster on podman: no packet from it leaves the machine.

The nodes' network is internal (no default route, no NAT). On the host, blackhole routes cover the
ranges of pods and services, so that no packet for them can follow the host's default route.
"""

import json

from cluster import podman
from cluster.engine import docker, node_exec
from cluster.shell import run, succeeds

NODES = "10.77.0.0/24"
GATEWAY = "10.77.0.1"
PODS = "10.78.0.0/16"
SERVICES = "10.79.0.0/16"

NETWORK = "kind"


def prepare() -> None:
    """Make the network and the routes. Raises LookupError if packets could leave the machine."""
    if not succeeds(podman.COMMAND, "network", "exists", NETWORK):
        run(
            *(podman.COMMAND, "network", "create", "--internal", "--disable-dns"),
            *("--subnet", NODES, "--gateway", GATEWAY, NETWORK),
        )
    for block in (PODS, SERVICES):
        run("ip", "route", "replace", "blackhole", block)
    if problems := _host_problems():
        raise LookupError("no pod may start like this: " + "; ".join(problems))


def remove() -> None:
    """Remove the network and the routes."""
    run(podman.COMMAND, "network", "rm", "--force", NETWORK)
    for block in (PODS, SERVICES):
        succeeds("ip", "route", "del", "blackhole", block)


def ways_out() -> list[str]:
    """The problems of the running cluster's routes: empty, unless packets could leave.

    With Docker it finds none: there the cluster's network is an ordinary one.
    """
    if docker():
        return []
    problems = _host_problems()
    if node_exec("ip", "route", "show", "default").strip():
        problems.append("the node has a default route")
    service = node_exec("ip", "route", "show", SERVICES)
    if "dev svc0" not in service:
        problems.append(f"the node's route for services ({SERVICES}) is not svc0: {service!r}")
    return problems


def _host_problems() -> list[str]:
    problems = []
    network = json.loads(run(podman.COMMAND, "network", "inspect", NETWORK))[0]
    if not network["internal"]:
        problems.append(f"podman's network {NETWORK} is not internal")
    for block in (PODS, SERVICES):
        if not run("ip", "route", "show", "type", "blackhole", block).strip():
            problems.append(f"the host has no blackhole route for {block}")
    return problems
