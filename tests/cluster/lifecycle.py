"""make cluster, make cluster-down, and the build that a first `make cluster` begins with."""

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
    """Bring the cluster up, or adopt the one that runs. Raises LookupError, CommandError."""
    if current.chosen():
        current.use()
        return
    if not engine.docker():
        _prepare_podman()
    if engine.node_exists() and not (kind.is_current() or _adopt()):
        say("a cluster runs that does not answer, or was made from something else: making it anew")
        _delete()
    if not engine.node_exists():
        kind.create()
        kind.write_local_files()
    if problems := network.ways_out():
        raise LookupError("packets could leave this machine: " + "; ".join(problems))
    print(KUBECONFIG)


@only_one()
def down() -> None:
    """Remove the cluster, and put back what it changed on the machine."""
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
    """Build what the cluster is made from, without Docker, and put the machine back."""
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
    """Point this checkout to the cluster that runs, if it is the one it would make."""
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
