"""make cluster, make cluster-down, and the build at the start of a first `make cluster`."""

import shutil
import sys

from cluster import (
    binaries,
    current,
    engine,
    host,
    kind,
    machine,
    network,
    node_image,
    podman,
)
from cluster.cache import only_one
from cluster.paths import CACHE, KUBECONFIG, LOCAL
from cluster.shell import CommandError, run, say


@only_one()
def up() -> None:
    """Create the cluster, or use the running one. Raises LookupError, CommandError."""
    if current.chosen():
        current.use()
        return
    if not engine.docker():
        _prepare_podman()
    if engine.node_exists() and not (kind.is_current() or _adopt()):
        say("the running cluster does not answer, or has other inputs: creating it again")
        _delete()
    if not engine.node_exists():
        kind.create()
        kind.write_local_files()
    if problems := network.ways_out():
        raise LookupError("packets could leave this machine: " + "; ".join(problems))
    print(KUBECONFIG)


@only_one()
def down() -> None:
    """Remove the cluster, and restore what it changed on the machine."""
    if current.chosen():
        raise LookupError("CLUSTER=current: that cluster was not made here, so it is left alone")
    if engine.docker():
        _delete()
    elif machine.cache_in_use():
        _prepare_podman()
        _delete()
        machine.restore()
    shutil.rmtree(LOCAL, ignore_errors=True)


@only_one()
def build() -> None:
    """Build the inputs of the cluster, without Docker, and restore the machine."""
    _prepare_podman()
    binaries.kind()
    node_image.node_image()
    machine.restore()


def _prepare_podman() -> None:
    host.prepare()
    other = machine.cache_in_use()
    if other and other != CACHE:
        say(f"a cluster runs that was made with the cache {other}: removing it")
        run(sys.executable, "-m", "cluster", "down", env={"XDG_CACHE_HOME": str(other.parent)})
    machine.note()
    podman.configure()


def _adopt() -> bool:
    """Point this checkout to the running cluster, if this checkout would create the same."""
    try:
        kind.write_local_files()
    except CommandError:
        return False
    if not kind.is_current():
        return False
    say("using the cluster that runs already")
    return True


def _delete() -> None:
    kind.delete()
    if not engine.docker():
        network.remove()
