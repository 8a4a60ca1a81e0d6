"""make cluster-check: creating and removing a cluster must leave the machine as it was.

It compares everything on the machine that a container engine or a Kubernetes node can change,
before and after: links, addresses, routes, rules, firewall, namespaces, mounts, kernel settings,
control groups, processes, and the top of the directories with their state.
"""

import json
import re
import shutil
from pathlib import Path

from cluster import kind, lifecycle, podman
from cluster.engine import docker
from cluster.paths import CACHE
from cluster.shell import CommandError, run, say

COMMANDS = (
    "ip -oneline link",
    "ip -oneline address",
    "ip route show table all",
    "ip -6 route show table all",
    "ip rule",
    "ip netns",
    "iptables-legacy-save",
    "ip6tables-legacy-save",
    "iptables-nft-save",
    "ip6tables-nft-save",
    "nft --stateless list ruleset",
)
BEFORE = CACHE / "machine-before.json"
VOLUMES = podman.STORAGE / "volumes"
DIRECTORIES = ("/dev/shm", "/etc", "/run", "/var/lib", "/var/run", "/var/tmp", VOLUMES)
# These change by themselves.
VOLATILE_SYSCTLS = re.compile(r"fs/(dentry|inode|quota|file-nr)|kernel/(random|ns_last_pid|pty/nr)")
VOLATILE_TEXT = re.compile(r"^#.*|\[\d+:\d+\]|^\d+: |expires \d+sec")


def check() -> None:
    """Start a cluster, run a pod in it, remove it, compare. Raises CommandError with the changes.

    Needs a machine on which no cluster runs: the state before is the reference.
    """
    remember()
    lifecycle.up()
    say("running a pod")
    kind.kubectl("wait", "serviceaccount/default", "--for=create", "--timeout=60s")
    kind.kubectl("run", "pod", "--image=registry.k8s.io/pause:3.10", "--restart=Never")
    kind.kubectl("wait", "pod/pod", "--for=condition=Ready", "--timeout=60s")
    compare()


def remember() -> None:
    """Remove the cluster, if there is one, and record the machine's state without it."""
    if docker():
        raise LookupError("with Docker the machine's state is Docker's: there is nothing to check")
    lifecycle.down()
    lifecycle.build()  # on a new machine it installs packages, which remain
    BEFORE.write_text(json.dumps(sorted(snapshot())))


def compare() -> None:
    """Remove the cluster and compare the machine with the state that `remember` recorded.

    Raises CommandError with the differences.
    """
    lifecycle.down()
    before, after = set(json.loads(BEFORE.read_text())), snapshot()
    BEFORE.unlink()
    if changes := sorted(before ^ after):
        lines = [f"{'left' if line in after else 'gone'}: {line}" for line in changes]
        raise CommandError("the machine is not what it was:\n" + "\n".join(lines))
    say(f"the machine is what it was: {len(before)} facts compared")


def snapshot() -> set[str]:
    """The machine's state, one line for each fact."""
    return {
        *(f"{command}: {line}" for command in COMMANDS for line in _output(command)),
        *(f"mount: {line}" for line in Path("/proc/mounts").read_text().splitlines()),
        *(f"cgroup: {path}" for path in Path("/sys/fs/cgroup").rglob("*libpod*/")),
        *(f"file: {path}" for place in DIRECTORIES for path in Path(place).glob("*")),
        *_sysctls(),
        *_processes(),
    }


def _output(command: str) -> list[str]:
    program, *arguments = command.split()
    if not shutil.which(program):
        return []
    lines = run(program, *arguments).splitlines()
    return [text for line in lines if (text := VOLATILE_TEXT.sub("", line).strip())]


def _sysctls() -> set[str]:
    found = set()
    for path in Path("/proc/sys").rglob("*"):
        name = str(path.relative_to("/proc/sys"))
        if path.is_file() and path.stat().st_mode & 0o200 and not VOLATILE_SYSCTLS.match(name):
            try:
                found.add(f"sysctl: {name} = {path.read_text().strip()}")
            except (OSError, UnicodeDecodeError):
                continue  # write-only, or not readable for this user
    return found


def _processes() -> set[str]:
    """Processes in podman's control groups, and those with the cache's path in their command."""
    found = set()
    for process in Path("/proc").glob("[0-9]*"):
        try:
            command = (process / "cmdline").read_bytes().replace(b"\0", b" ").decode()
            groups = (process / "cgroup").read_text()
        except OSError:
            continue  # it has just ended
        if "libpod" in groups or str(CACHE) in command:
            found.add(f"process: {process.name} {command}")
    return found
